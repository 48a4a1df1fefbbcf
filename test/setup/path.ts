/**
 * The way by which the API of a test reaches Supabase's own Postgres: through REST, or, for a run with SWITCHYARD_PATH=direct,
 * by Postgres' own protocol.
 */
export type Path = "rest" | "direct";

/** What SWITCHYARD_PATH says; through REST unless told. */
export function pathAsked(asked = process.env.SWITCHYARD_PATH || "rest"): Path {
  // of a history that is played again (histories.ts), which has the same variable
  if (/^\d/.test(asked)) return "rest";
  if (asked !== "rest" && asked !== "direct") throw new Error(`SWITCHYARD_PATH is rest or direct, not ${asked}.`);
  return asked;
}

/** What an API that goes that way finds in its environment; `directUrl` is empty where it goes through REST. */
export const pathVariables = ({ directUrl }: { directUrl?: string | undefined }): { DATABASE_URL?: string } =>
  directUrl ? { DATABASE_URL: directUrl } : {};
