/** `switchyard stats`, `switchyard health`: what the admins' page and the health check say. */
import { allCollections } from "../../shared/collections/index.ts";
import { createLog } from "../../shared/log.ts";
import { openReplication } from "../../shared/operations/open-replication.ts";
import { type CopyState, readCopy } from "../../shared/operations/read-copy.ts";
import { createHealth, type DatabaseHealth } from "../../shared/placement/health.ts";
import { type DatabaseStats, readStats, sizesIn } from "../../shared/placement/stats.ts";
import { inMegabytes } from "../../shared/values/bytes.ts";
import { type Command, JSON_OPTION, json, Refused, table } from "./command.ts";
import { connected } from "./connect.ts";
import { copyWords } from "./copy-words.ts";

export const stats: Command = {
  name: "stats",
  usage: "[--json]",
  about: "Shows how many users and records each database holds, and how far the copy is behind.",
  options: JSON_OPTION,
  positionals: 0,
  run: ({ values }, { env, out }) =>
    connected(env, async ({ config, service, registry, assignments, deadlines }) => {
      const { statisticsMs: limitMs } = deadlines;
      const { databases: rows, keptCopies } = assignments;
      const log = createLog({ level: "silent" });
      const opened = { config, service, collections: allCollections, deadlines, log, appName: "switchyard-cli" };
      const replication = openReplication(opened);
      try {
        const [found, copy] = await Promise.all([
          readStats({ registry, rows, keptCopies, collections: allCollections, clock: Date.now, limitMs }),
          readCopy(replication, limitMs),
        ]);
        await assignments.reportSizes(sizesIn(found));
        out(values.json ? json({ ...found, copy }) : inWords(found, copy));
      } finally {
        await replication.close();
      }
    }),
};

export const health: Command = {
  name: "health",
  usage: "[--json]",
  about: "Says whether each database answers; fails when one does not.",
  options: JSON_OPTION,
  positionals: 0,
  run: ({ values }, { env, out }) =>
    connected(env, async ({ registry, assignments, deadlines: { probeMs } }) => {
      const databases = [...registry.values()];
      const { databases: rows } = assignments;
      const found = await createHealth({ databases, rows, probeMs, clock: Date.now })();
      const [first = [], ...rest] = found.homes.map((home) => [home.name, state(home)]);
      out(values.json ? json(found) : table(first, rest));
      if (found.status !== "healthy") throw new Refused(`The system is ${found.status}: ${found.message}`);
    }),
};

const state = ({ connected, latencyMs, error }: DatabaseHealth) =>
  connected ? `answers in ${latencyMs} ms${error ? `, but: ${error}` : ""}` : "does not answer";

const known = (value: number | null | undefined) => (value === null || value === undefined ? "?" : String(value));

function inWords({ homes }: DatabaseStats, copy: CopyState | null): string {
  const copied = (name: string) => (copy && name in copy.collections ? known(copy.collections[name]) : "-");
  const numbers = table(
    ["", ...homes.map(({ name }) => name), ...(copy ? ["copy"] : [])],
    [
      ["users", ...homes.map(({ totalUsers }) => known(totalUsers))],
      ["size", ...homes.map(({ bytes }) => (bytes === null ? "?" : inMegabytes(bytes)))],
      ["capacity", ...homes.map(({ capacity_bytes }) => (capacity_bytes === null ? "?" : inMegabytes(capacity_bytes)))],
      ...allCollections.map(({ name }) => [
        name,
        ...homes.map(({ collections, estimated }) =>
          name in collections ? `${name in estimated ? "~" : ""}${known(collections[name])}` : "-",
        ),
        ...(copy ? [copied(name)] : []),
      ]),
    ],
  );
  return [numbers, ...(copy ? [copyWords(copy.status)] : []), ...homes.flatMap(({ error }) => error ?? [])].join("\n");
}
