/** What a database's name says: whether it is the control plane's own, what messages call it, and which variable configures it. */

/** Supabase's own Postgres: a home like others, and the only one with the accounts, the assignments and the tasks. */
export const CONTROL_PLANE = "supabase";

/** The variable that leads to the database of this name, for sentences that name the fix. */
export function variableOf(name: string): string {
  if (name === CONTROL_PLANE) return "SUPABASE_URL";
  return name === "mongodb" ? "MONGODB_URI" : `DATABASE_${name.toUpperCase()}`;
}

/** How a message names the database. */
export function titleOf(name: string): string {
  if (name === CONTROL_PLANE) return "Supabase";
  return name === "mongodb" ? "MongoDB" : `"${name}"`;
}
