/** Homes, over REST with the secret key: the functions of `supabase/migrations/*_placement_api.sql`. */
import type { SupabaseClient } from "@supabase/supabase-js";
import { err, ok, type Result } from "neverthrow";
import { notFound, type RepositoryError, unavailable } from "../contract/errors.ts";
import { databaseFailure, thrownFailure } from "../postgres/failures.ts";
import { callSystem } from "../postgres/system-call.ts";
import type { Engine } from "../repository/database.ts";
import type { ChangePage, ListPosition } from "./user-changes.ts";
import type { WriteRefusal } from "./write-refusals.ts";

export interface Assignment {
  user_id: string;
  database_provider: string;
  /** goes up when the home changes */
  epoch: number;
  state: "active" | "moving";
  reason: string;
  assigned_at: string;
}

export interface DatabaseRow {
  name: string;
  kind: Engine;
  /** from 1 to 7: what versions made there end in */
  site: number;
  accepting: boolean;
  weight: number;
  capacity_users: number | null;
  user_count: number;
  opened_at: string | null;
  /** null when nobody has looked for a minute */
  healthy: boolean | null;
  health_error: string | null;
  health_checked_at: string | null;
  /** what its provider gives; null: not known */
  capacity_bytes: number | null;
  /** from so much of its capacity on, new users do not get it */
  full_at_percent: number;
  /** of the last sample */
  bytes: number | null;
  sized_at: string | null;
  /** what it has refused writes with in the last five minutes */
  refuses: WriteRefusal | null;
}

export interface NewDatabase {
  name: string;
  kind: DatabaseRow["kind"];
  /** the lowest free one unless given */
  site?: number | undefined;
  weight?: number | undefined;
  /** no limit unless given */
  capacityUsers?: number | undefined;
}

export interface AddedDatabase extends Pick<DatabaseRow, "name" | "kind" | "site"> {
  /** false: it was there already */
  added: boolean;
}

export interface DatabaseSettings {
  accepting?: boolean | undefined;
  weight?: number | undefined;
  /** null takes the limit away */
  capacityUsers?: number | null | undefined;
  /** null: not known */
  capacityBytes?: number | null | undefined;
  fullAtPercent?: number | undefined;
}

/** By database and collection, in living records. */
export type KeptCopies = Readonly<Record<string, Readonly<Record<string, number>>>>;

export type Assignments = ReturnType<typeof createAssignments>;

type Answer<T> = Promise<Result<T, RepositoryError>>;

/** `client`: a supabase-js client with the secret key. Every call may answer `unavailable` or `busy`. */
export function createAssignments(client: SupabaseClient) {
  return {
    /** The user's home, or null when they have none. */
    get: async (userId: string): Answer<Assignment | null> =>
      (await callSystem<Assignment[]>(client, "switchyard_assignment", { p_user_id: userId })).map(
        ([row]) => row ?? null,
      ),

    /** The homes of some users, by id, in one call; who has none is not in it. */
    async homesOf(userIds: readonly string[]): Answer<ReadonlyMap<string, string>> {
      try {
        const columns = "user_id, database_provider";
        const found = await client
          .from("user_database_assignments")
          .select(columns)
          .in("user_id", [...userIds]);
        if (found.error) return err(databaseFailure(found) ?? unavailable("Supabase does not answer.", found.error));
        return ok(new Map(found.data.map((row) => [String(row.user_id), String(row.database_provider)])));
      } catch (cause) {
        return err(thrownFailure(cause));
      }
    },

    /** Gives a user a home unless they have one, by the rule of sign-ups or where `to` says. `not_found`: no such user. */
    assign: async (userId: string, to?: string): Answer<Assignment> => {
      const rows = await callSystem<Assignment[]>(client, "switchyard_assign", { p_user_id: userId, p_to: to ?? null });
      return rows.andThen(([row]) => (row ? ok(row) : err(notFound("There is no such user."))));
    },

    /** Gives up to `batchSize` users without a home one. */
    assignMissing: (batchSize: number, to?: string): Answer<{ assigned: number; remaining: number }> =>
      callSystem(client, "switchyard_assign_missing", { p_batch_size: batchSize, p_to: to ?? null }),

    databases: (): Answer<DatabaseRow[]> => callSystem(client, "switchyard_databases"),

    /** Of users who have moved away: records by database and collection. */
    keptCopies: (): Answer<KeptCopies> => callSystem(client, "switchyard_kept_copies"),

    /** `invalid_input` when there is no such database. */
    setDatabase: async (name: string, settings: DatabaseSettings): Answer<void> => {
      const { accepting, weight, capacityUsers, capacityBytes, fullAtPercent } = settings;
      const set = await callSystem(client, "switchyard_set_database", {
        p_name: name,
        p_accepting: accepting ?? null,
        p_weight: weight ?? null,
        p_capacity_users: capacityUsers === null ? -1 : (capacityUsers ?? null),
        p_capacity_bytes: capacityBytes === null ? -1 : (capacityBytes ?? null),
        p_full_at_percent: fullAtPercent ?? null,
      });
      return set.map(() => undefined);
    },

    /** How large databases are, in bytes: what new users' homes are chosen by. */
    reportSizes: (sizes: Readonly<Record<string, number>>): Answer<void> =>
      callSystem(client, "switchyard_report_sizes", { p_sizes: sizes }),

    /** A database has refused to be written to. */
    reportRefusal: (name: string, state: WriteRefusal): Answer<void> =>
      callSystem(client, "switchyard_report_refusal", { p_name: name, p_state: state }),

    /** Lists a database, which takes nobody until it is opened. `invalid_input`: another kind by that name, or no free site. */
    addDatabase: ({ name, kind, site, weight, capacityUsers }: NewDatabase): Answer<AddedDatabase> =>
      callSystem(client, "switchyard_add_database", {
        p_name: name,
        p_kind: kind,
        p_site: site ?? null,
        p_weight: weight ?? null,
        p_capacity_users: capacityUsers ?? null,
      }),

    /** `invalid_input` while users are at home there, or what deleted users left there is not purged. */
    removeDatabase: async (name: string): Answer<void> =>
      (await callSystem(client, "switchyard_remove_database", { p_name: name })).map(() => undefined),

    /** Lets a database take users if it never has; true when this call did that. */
    open: (name: string): Answer<boolean> => callSystem(client, "switchyard_open_database", { p_name: name }),

    /** One page of whose access has ended, and who has moved, since then. */
    changesSince: (since: Date, { xid, id }: ListPosition): Answer<ChangePage> =>
      callSystem(client, "switchyard_list_user_changes_2", {
        p_since: since.toISOString(),
        p_after_xid: xid,
        p_after_id: id,
      }),
  };
}
