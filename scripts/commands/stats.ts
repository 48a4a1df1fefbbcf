/** `switchyard stats`, `switchyard health`: what the admins' page and the health check say. */
import { allCollections } from "../../shared/collections/index.ts";
import { createHealth, type DatabaseHealth } from "../../shared/placement/health.ts";
import { databaseProbes } from "../../shared/placement/probes.ts";
import { type DatabaseStats, readStats } from "../../shared/placement/stats.ts";
import { type Command, JSON_OPTION, json, Refused, table } from "./command.ts";
import { connected } from "./connect.ts";

export const stats: Command = {
  name: "stats",
  usage: "[--json]",
  about: "Shows how many users and records each database holds.",
  options: JSON_OPTION,
  positionals: 0,
  run: ({ values }, { env, out }) =>
    connected(env, async ({ service, mongo, deadlines: { statisticsMs: limitMs } }) => {
      const collections = allCollections.map(({ name }) => name);
      const found = await readStats({ service, mongo, collections, clock: Date.now, limitMs });
      out(values.json ? json(found) : inWords(found));
    }),
};

export const health: Command = {
  name: "health",
  usage: "[--json]",
  about: "Says whether each database answers; fails when one does not.",
  options: JSON_OPTION,
  positionals: 0,
  run: ({ values }, { env, out }) =>
    connected(env, async ({ service, mongo, deadlines: { probeMs } }) => {
      const look = createHealth({
        ...databaseProbes(service, mongo && (async () => (await mongo()).command({ ping: 1 }))),
        probeMs,
        clock: Date.now,
      });
      const { status, databases, message } = await look();
      if (values.json) out(json({ status, databases, message }));
      else {
        out(`supabase  ${state(databases.postgresql)}`);
        out(`mongodb   ${databases.mongodb ? state(databases.mongodb) : "not configured"}`);
      }
      if (status !== "healthy") throw new Refused(`The system is ${status}: ${message}`);
    }),
};

const state = ({ connected, latencyMs }: DatabaseHealth) =>
  connected ? `answers in ${latencyMs} ms` : "does not answer";

const known = (value: number | null | undefined) => (value === null || value === undefined ? "?" : String(value));

function inWords({ mongodb, supabase }: DatabaseStats): string {
  const names = Object.keys(supabase.collections);
  const numbers = table(
    ["", "supabase", "mongodb"],
    [
      ["users", known(supabase.totalUsers), known(mongodb.totalUsers)],
      ...names.map((name) => [name, known(supabase.collections[name]), known(mongodb.collections[name])]),
    ],
  );
  return [numbers, ...[supabase.error, mongodb.error].flatMap((error) => error ?? [])].join("\n");
}
