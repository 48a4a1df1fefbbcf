/** Amounts of bytes as people write them: 512MB is 512 times 1024 times 1024, as providers count what they give away. */

const UNITS = ["", "KB", "MB", "GB", "TB"];

/** Bytes; undefined for what is no amount of them. */
export function parseBytes(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d{1,15}(?:\.\d{1,3})?) ?([KMGT]B)?$/i.exec(text) ?? [];
  const bytes = Math.round(Number(number) * 1024 ** UNITS.indexOf(unit.toUpperCase()));
  return number !== undefined && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** In megabytes, with two decimals at most. */
export const inMegabytes = (bytes: number): string => `${Math.round((bytes / 1024 ** 2) * 100) / 100} MB`;
