/** What homes hold, as the control plane knows it: `supabase/migrations/*_home_sizes.sql`. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { callSystem } from "../postgres/system-call.ts";
import type { Usage } from "../repository/quotas.ts";

export interface HomeLoad {
  name: string;
  /** at home there, and on the way there */
  users: number;
  /** of the users who were measured */
  records: number;
  bytes: number;
  /** who were there within a day */
  active: number;
  measured: number;
  /** when the one was measured that was measured first; null: none is */
  measured_since: string | null;
}

/** A user's id, records, bytes (null: not measured), and whether they were there within a day. */
export type LargeUser = [id: string, records: number | null, bytes: number | null, isActive: boolean];

type Answer<T> = Promise<Result<T, RepositoryError>>;
export type LoadsControl = ReturnType<typeof createLoadsControl>;

/** `client`: with the secret key. Every call may answer `unavailable` or `busy`. */
export const createLoadsControl = (client: SupabaseClient) => ({
  /** Of every database, by name. */
  loads: (): Answer<HomeLoad[]> => callSystem(client, "switchyard_home_loads"),
  /** Users at home there whose size is not known, or older; a minute is the least. */
  unmeasured: (home: string, olderSeconds: number, limit: number): Answer<string[]> =>
    callSystem(client, "switchyard_unmeasured_users", {
      ...{ p_home: home, p_older_seconds: olderSeconds, p_limit: limit },
    }),
  /** What these users keep at home there. */
  report: async (home: string, sizes: ReadonlyMap<string, Usage>): Answer<void> => {
    const given = [...sizes].map(([id, { records, bytes }]) => [id, [records, bytes]]);
    const parameters = { p_home: home, p_sizes: Object.fromEntries(given) };
    return (await callSystem(client, "switchyard_report_user_sizes", parameters)).map(() => undefined);
  },
  /** Who is at home there and not being moved, largest first. */
  largest: (home: string, limit: number): Answer<LargeUser[]> =>
    callSystem(client, "switchyard_largest_users", { p_home: home, p_limit: limit }),
});
