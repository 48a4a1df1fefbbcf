/** Values and names as SQL text. */

export const literal = (value: string): string => `'${value.replaceAll("'", "''")}'`;

/** A name of at most 63 bytes; Postgres would cut a longer one, and two could become the same. */
export function identifier(...parts: string[]): string {
  const name = parts.join("_");
  if (name.length > 63) throw new Error(`the name ${name} is too long for Postgres; shorten the field or collection`);
  return name;
}
