/** `switchyard replication ...`: how the copy in MongoDB stands, and what makes it whole. */
import { allCollections } from "../../shared/collections/index.ts";
import type { Deadlines } from "../../shared/deadlines.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { createLog } from "../../shared/log.ts";
import { type OpenReplication, openReplication } from "../../shared/operations/open-replication.ts";
import { backfill } from "../../shared/replication/backfill.ts";
import { promotedNow } from "../../shared/replication/promotion.ts";
import { repairCollection } from "../../shared/replication/repair.ts";
import { restore } from "../../shared/replication/restore.ts";
import type { ReplicationStatus } from "../../shared/replication/source.ts";
import { type Difference, verifyCollection } from "../../shared/replication/verify.ts";
import type { UnsentState } from "../../shared/repository/database.ts";
import { type Command, type Io, JSON_OPTION, json, orRefuse, Refused, table, WrongUse } from "./command.ts";
import { connected } from "./connect.ts";
import { milliseconds } from "./copy-words.ts";
import { createProgress } from "./progress.ts";

/** Most differences that are printed; `--json` has them all. */
const SHOWN = 20;

/** `work` with both sides open. */
export const opened = <T>(
  { env }: Io,
  work: (replication: OpenReplication, deadlines: Deadlines) => Promise<T>,
): Promise<T> =>
  connected(env, async ({ config, service, deadlines }) => {
    const replication = openReplication({
      config,
      service,
      collections: allCollections,
      deadlines,
      log: createLog({ level: "silent" }),
      appName: "switchyard-cli",
    });
    try {
      return await work(replication, deadlines);
    } finally {
      await replication.close();
    }
  });

/** The copy, or why there is none. */
export async function copyOf({ copy }: Pick<OpenReplication, "copy">): Promise<NonNullable<OpenReplication["copy"]>> {
  if (!copy) throw new Refused("There is no copy: set MONGODB_URI, where the API and the edge functions run and here.");
  orRefuse(await copy.ready());
  return copy;
}

/** All that have a copy, or the one that is named. */
export function collectionsIn({ collections }: OpenReplication, name: string | undefined): readonly Collection[] {
  if (name === undefined) return collections;
  const found = collections.filter((collection) => collection.name === name);
  if (found.length > 0) return found;
  const known = collections.map((collection) => collection.name).join(", ");
  throw new WrongUse(
    `No collection "${name}" has a copy. ${known ? `Those that have one: ${known}.` : "None has one."}`,
  );
}

export const replicationStatus: Command = {
  name: "replication status",
  usage: "[--json]",
  about: "Shows what is still to be copied, in both directions, how far that is behind, and rows that are refused.",
  options: JSON_OPTION,
  positionals: 0,
  run: ({ values }, io) =>
    opened(io, async ({ source, copy }) => {
      const status = orRefuse(await source.status());
      // MongoDB may be away, and this says how it stands all the same
      const unsent = (await copy?.unsent())?.unwrapOr(null) ?? null;
      const promoted = copy ? (await promotedNow(copy.mongo)).unwrapOr([]) : [];
      const back = (await copy?.dead(SHOWN))?.unwrapOr([]) ?? [];
      const dead = [
        ...(status.dead > 0 ? orRefuse(await source.dead(SHOWN)) : []).map((row) => ({ ...row, to: "mongodb" })),
        ...back.map((row) => ({ ...row, to: "supabase" })),
      ];
      io.out(values.json ? json({ ...status, unsent, promoted, dead_rows: dead }) : inWords(status, unsent));
      if (!values.json)
        for (const { collection, since } of promoted)
          io.out(
            `${collection} is written in its copy since ${since.toISOString()}. To bring it home: switchyard replication demote ${collection}`,
          );
      if (!values.json)
        for (const row of dead) io.out(`${row.collection} ${row.id}: ${row.error} (${row.attempts} tries)`);
      const aside = status.dead + (unsent ?? []).reduce((sum, each) => sum + each.dead, 0);
      if (aside > 0)
        throw new Refused(`${aside} rows are set aside. Mend what is said above, then: switchyard replication retry`);
    }),
};

function inWords(status: ReplicationStatus, unsent: readonly UnsentState[] | null): string {
  if (!status.is_on)
    return "Nothing is copied: replication is off. It begins with: switchyard replication backfill (needs MONGODB_URI)";
  const rows = status.collections.map(({ collection, pending, failing, dead, conflicts, backfill: filled }) => [
    collection,
    ...[pending, failing, dead, conflicts].map(String),
    filled ? (filled.done_at ? "done" : `${filled.marked} marked`) : "-",
  ]);
  return [
    table(["to MongoDB", "pending", "failing", "dead", "conflicts", "backfill"], rows),
    `pending ${status.pending}, oldest ${milliseconds(status.oldest_ms)}; lag of the last ten minutes: p50 ${milliseconds(status.lag_p50_ms)}, p99 ${milliseconds(status.lag_p99_ms)}`,
    ...(status.pending > 0 && status.copied_per_second ? [catchingUp(status.pending, status.copied_per_second)] : []),
    ...fromMongo(status, unsent),
    ...(status.conflicts > 0
      ? [`${status.conflicts} rows were changed on both sides. To look at them: switchyard replication conflicts`]
      : []),
  ].join("\n");
}

const catchingUp = (pending: number, rate: number): string =>
  `${Math.round(rate)} rows a second over the last minute: at that rate it takes ${milliseconds((pending / rate) * 1_000)}`;

/** The way back, of what both databases take writes of. */
function fromMongo(status: ReplicationStatus, unsent: readonly UnsentState[] | null): string[] {
  const { collections, back_lag_p50_ms: p50, back_lag_p99_ms: p99 } = status;
  if (!collections.some((each) => each.both_ways)) return [];
  if (!unsent) return ["What MongoDB has that Supabase does not cannot be known now."];
  const rows = unsent.map(({ collection, pending, oldest_ms, failing, dead }) => [
    ...[collection, String(pending), milliseconds(oldest_ms), String(failing), String(dead)],
    collections.find((each) => each.collection === collection)?.received_up_to?.slice(0, 19) ?? "-",
  ]);
  return [
    table(["from MongoDB", "pending", "oldest", "failing", "dead", "complete up to"], rows),
    `lag of the way back, of the last ten minutes: p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}`,
  ];
}

export const backfillReplication: Command = {
  name: "replication backfill",
  usage: "[<collection>] [--restart] [--json]",
  about: "Copies everything; writers go on meanwhile. Stopped and started again, it goes on where it was.",
  options: { ...JSON_OPTION, restart: { type: "boolean" } },
  positionals: { least: 0, most: 1 },
  run: ({ positionals: [name], values }, io) =>
    opened(io, async (replication) => {
      const { worker, collector, mongo } = await copyOf(replication);
      const collections = collectionsIn(replication, name);
      const progress = createProgress(io);
      const done = await backfill({
        source: replication.source,
        worker,
        collector,
        mongo,
        collections,
        restart: values.restart === true,
        onProgress: ({ collection, from, marked, total, waits }) => {
          if (values.json) return;
          if (from === "mongodb") progress.at(`${collection}, from MongoDB`, marked, total);
          else if (waits)
            progress.say(`${collection}: waits for a transaction that was open when marks were switched on.`);
          else progress.at(collection, marked, total);
        },
      });
      progress.end();
      const copied = orRefuse(done);
      io.out(
        values.json ? json({ copied }) : `Copied ${copied} rows. To compare both sides: switchyard replication verify`,
      );
    }),
};

const VERIFY = { ...JSON_OPTION, deep: { type: "boolean" } } as const;

async function compare(replication: OpenReplication, io: Io, { name, deep, quiet }: Compared) {
  const { mongo } = await copyOf(replication);
  const found: { collection: Collection; rows: number; differences: Difference[]; isCut: boolean }[] = [];
  for (const collection of collectionsIn(replication, name)) {
    const verified = orRefuse(await verifyCollection({ source: replication.source, mongo, collection, deep }));
    found.push({ collection, ...verified });
    if (!quiet) io.out(`${collection.name}: ${verified.rows} rows compared, ${countOf(verified)} differ.`);
  }
  return found;
}
interface Compared {
  name: string | undefined;
  deep: boolean;
  quiet: boolean;
}
const countOf = ({ differences, isCut }: { differences: readonly unknown[]; isCut: boolean }) =>
  `${isCut ? "more than " : ""}${differences.length}`;

export const verifyReplication: Command = {
  name: "replication verify",
  usage: "[<collection>] [--deep] [--json]",
  about: "Compares both sides row by row, with --deep their contents, too; fails when they differ.",
  options: VERIFY,
  positionals: { least: 0, most: 1 },
  run: ({ positionals: [name], values }, io) =>
    opened(io, async (replication) => {
      const found = await compare(replication, io, { name, deep: values.deep === true, quiet: values.json === true });
      const differences = found.flatMap((each) => each.differences);
      if (values.json) io.out(json(found.map(({ collection, ...each }) => ({ collection: collection.name, ...each }))));
      else tell(io, differences);
      if (differences.length > 0)
        throw new Refused("The copy is not exact. To make it so: switchyard replication repair");
    }),
};

const MEANINGS: Readonly<Record<Difference["is"], string>> = {
  missing: "not in MongoDB",
  extra: "only in MongoDB, and nothing says that it was deleted",
  older: "older in MongoDB",
  newer: "newer in MongoDB than in Supabase",
  concurrent: "changed on both sides",
  other: "the same version, and other contents",
};

/** What differs, in words. */
export function tell(io: Io, differences: readonly Difference[]): void {
  for (const { collection, id, is } of differences.slice(0, SHOWN)) io.out(`${collection} ${id}: ${MEANINGS[is]}`);
}

export const repairReplication: Command = {
  name: "replication repair",
  usage: "[<collection>] [--json]",
  about: "Copies what verify --deep finds to differ, and only that; what is only in the copy is named and left alone.",
  options: JSON_OPTION,
  positionals: { least: 0, most: 1 },
  run: ({ positionals: [name], values }, io) =>
    opened(io, async (replication) => {
      const { run, mongo } = await copyOf(replication);
      const found = await compare(replication, io, { name, deep: true, quiet: values.json === true });
      const total = { marked: 0, replaced: 0, left: [] as Difference[] };
      for (const { collection, differences } of found) {
        const options = { source: replication.source, mongo, collection };
        const { marked, replaced, left } = orRefuse(await repairCollection(options, differences));
        total.marked += marked;
        total.replaced += replaced;
        total.left.push(...left);
      }
      orRefuse(await run());
      io.out(values.json ? json(total) : `Copied ${total.marked} rows, replaced ${total.replaced}.`);
      if (!values.json) tell(io, total.left);
      if (total.left.length > 0) throw new Refused(`${total.left.length} rows are left: decide what they are to be.`);
    }),
};

export const restoreReplication: Command = {
  name: "replication restore",
  usage: "[--commit] [--json]",
  about:
    "Brings back to Supabase what only the copy has, or has newer; says what it would do, and does it with --commit.",
  options: { ...JSON_OPTION, commit: { type: "boolean" } },
  positionals: 0,
  run: ({ values }, io) =>
    opened(io, async ({ source, collections, copy }) => {
      const { mongo } = await copyOf({ copy });
      const dryRun = values.commit !== true;
      const done = orRefuse(await restore({ source, mongo, collections, dryRun }));
      const refused = done.flatMap((each) => each.refused.map((row) => ({ collection: each.collection, ...row })));
      if (values.json) io.out(json(done));
      else {
        const rows = done.map(({ collection, looked, restored, refused: { length } }) =>
          [collection, looked, restored, length].map(String),
        );
        io.out(table(["collection", "in the copy", dryRun ? "would come back" : "came back", "refused"], rows));
        for (const { collection, id, error } of refused.slice(0, SHOWN)) io.out(`${collection} ${id}: ${error}`);
        if (dryRun) io.out("Nothing was written. To do it: switchyard replication restore --commit");
      }
      if (refused.length > 0)
        throw new Refused(`${refused.length} rows are refused: mend what is said of them, and repeat.`);
    }),
};

export const retryReplication: Command = {
  name: "replication retry",
  usage: "[--json]",
  about: "Tries once more to copy the rows that were set aside.",
  options: JSON_OPTION,
  positionals: 0,
  run: ({ values }, io) =>
    opened(io, async (replication) => {
      const { run, retry } = await copyOf(replication);
      const marked = orRefuse(await replication.source.retry()) + orRefuse(await retry());
      const done = orRefuse(await run());
      const copied = done.copied + done.collected.sent + done.collected.merged;
      const refused = done.refused + done.collected.refused;
      io.out(values.json ? json({ marked, copied, refused }) : `Tried ${marked} rows: ${refused} are refused again.`);
      if (refused > 0) throw new Refused("See why: switchyard replication status");
    }),
};
