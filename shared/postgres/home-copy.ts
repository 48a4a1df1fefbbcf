/** A Postgres as one side of a move: the functions of `supabase/migrations/*_home_copies.sql`. */
import { type Collection, identityOf } from "../definition/define.ts";
import {
  type Copied,
  type CopiedTombstone,
  type Digest,
  type FenceAnswer,
  type ForwardAnswer,
  type HomeCopy,
  type ManifestEntry,
  type Measure,
  ownedKey,
} from "../repository/home-copy.ts";
import { numbersIn } from "../repository/numbers-in.ts";
import type { Row } from "../repository/store.ts";
import { canonicalDecimal } from "../values/money.ts";
import { recordColumns, toRecord, toRow } from "./rows.ts";

/** Calls one of the system's functions with named parameters; refusals are thrown. */
export type SystemFunctions = <T>(name: string, parameters: Row) => Promise<T>;

const CLEARED_AT_ONCE = 1_000;
/** Users whose records are taken away at the same time: what a small project's pool answers. */
const UNBROUGHT_AT_ONCE = 8;

interface GivenRows {
  rows: (Row & { create_hash: string | null })[];
  tombstones: { id: string; version: string; create_hash: string | null; deleted_at: string }[];
}

interface OwnedRows {
  rows: Row[];
  deleted: { user_id: string; id: string }[];
}

export function postgresHomeCopy(call: SystemFunctions): HomeCopy {
  const about = (userId: string, { name }: Collection) => ({ p_user_id: userId, p_collection: name });
  return {
    heardAfterMs: 0,
    setFence: (userId, { home, epoch, state, turn, forMs }, waitMs) =>
      call<FenceAnswer>("switchyard_set_fence", {
        ...{ p_user_id: userId, p_home: home, p_epoch: epoch, p_state: state, p_turn: turn },
        ...{ p_for_ms: forMs === undefined ? null : Math.round(forMs), p_wait_ms: Math.round(waitMs) },
      }),

    async manifest(userId, collection, after, limit) {
      const page = { ...about(userId, collection), p_after_id: after, p_limit: limit };
      return (await call<Entry[]>("switchyard_home_manifest", page)).map(entryOf);
    },

    async read(userId, collection, ids) {
      const columns = JSON.stringify([...recordColumns(collection), "create_hash"]);
      const which = { ...about(userId, collection), p_ids: ids, p_columns: columns };
      const { rows, tombstones } = await call<GivenRows>("switchyard_home_rows", which);
      return {
        rows: rows.map((row) => ({ record: toRecord(collection, row), createHash: row.create_hash })),
        tombstones: tombstones.map(
          ({ id, version, create_hash, deleted_at }): CopiedTombstone => ({
            id,
            version: Number(version),
            createHash: create_hash,
            deletedAt: new Date(deleted_at).toISOString(),
          }),
        ),
      };
    },

    async write(userId, turn, collection, copied, gone) {
      const given = { p_turn: turn, ...givenOf(userId, collection, copied), p_gone: gone };
      await call("switchyard_home_write", { ...about(userId, collection), ...given });
    },

    forward: ({ userId, epoch, collection, copied, expected }) =>
      call<ForwardAnswer>("switchyard_home_forward", {
        ...about(userId, collection),
        ...{ p_epoch: epoch, ...givenOf(userId, collection, copied), p_expected: expected },
      }),

    async measure(userId, collection) {
      const sums = { ...about(userId, collection), p_sums: numbersIn(collection) };
      const found = await call<Measure>("switchyard_home_measure", sums);
      return exactly(found);
    },

    async digests(userId, collections) {
      const sums = Object.fromEntries(collections.map((collection) => [collection.name, numbersIn(collection)]));
      const asked = { p_user_id: userId, p_sums: JSON.stringify(sums) };
      const found = await call<Record<string, Digest>>("switchyard_home_digests", asked);
      return Object.fromEntries(Object.entries(found).map(([name, digest]) => [name, exactly(digest)]));
    },

    async changes(userId, since, limit) {
      const versions = Object.fromEntries([...since].map(([{ name }, version]) => [name, version]));
      const asked = { p_user_id: userId, p_since: JSON.stringify(versions), p_limit: limit };
      const found = await call<Record<string, Entry[]>>("switchyard_home_changes", asked);
      return new Map(Object.entries(found).map(([name, entries]) => [name, entries.map(entryOf)]));
    },

    async clear(userId, turn) {
      const batch = { p_user_id: userId, p_turn: turn, p_limit: CLEARED_AT_ONCE };
      while ((await call<number>("switchyard_home_clear", batch)) > 0);
    },

    async bring(collection, rows) {
      if (rows.length === 0) return;
      const { owner } = identityOf(collection);
      const given = rows.map(({ userId, record, createHash }) => ({
        ...{ ...toRow(record), [owner]: userId, create_hash: createHash },
      }));
      await call("switchyard_home_bring", { p_collection: collection.name, p_rows: JSON.stringify(given) });
    },

    async readOwned(collection, keys) {
      const { owner } = identityOf(collection);
      const asked = {
        p_collection: collection.name,
        p_keys: JSON.stringify(keys.map(({ userId, id }) => ({ user_id: userId, id }))),
        p_columns: JSON.stringify([...recordColumns(collection), owner]),
      };
      const found = await call<OwnedRows>("switchyard_home_owned_rows", asked);
      return new Map([
        ...found.rows.map((row): [string, Row | null] => {
          const { [owner]: userId, ...columns } = row;
          return [ownedKey({ userId: String(userId), id: String(row.id) }), toRecord(collection, columns)];
        }),
        ...found.deleted.map(({ user_id, id }): [string, null] => [ownedKey({ userId: user_id, id }), null]),
      ]);
    },

    async unbring(brought) {
      const left = [...brought];
      const work = async () => {
        for (let next = left.shift(); next; next = left.shift())
          await call("switchyard_home_unbring", { p_user_id: next.userId, p_version: next.version });
      };
      await Promise.all(Array.from({ length: UNBROUGHT_AT_ONCE }, work));
    },

    withdraw: (userId, collection, version, ids) =>
      call<string[]>("switchyard_home_withdraw", { ...about(userId, collection), p_version: version, p_ids: ids }),
  };
}

/** As the functions take them. */
function givenOf(userId: string, collection: Collection, { rows, tombstones }: Copied): Row {
  const { owner } = identityOf(collection);
  return {
    p_rows: JSON.stringify(
      rows.map(({ record, createHash }) => ({ ...toRow(record), [owner]: userId, create_hash: createHash })),
    ),
    p_tombstones: JSON.stringify(
      tombstones.map(({ id, version, createHash, deletedAt }) => ({
        id,
        version,
        create_hash: createHash,
        deleted_at: deletedAt,
      })),
    ),
  };
}

/** id, version, whether it is deleted */
type Entry = [string, string, boolean];

const entryOf = ([id, version, isDeleted]: Entry): ManifestEntry => ({ id, version: Number(version), isDeleted });

const exactly = <M extends Measure>(found: M): M => ({
  ...found,
  sums: Object.fromEntries(Object.entries(found.sums).map(([name, sum]) => [name, canonicalDecimal(sum)])),
});
