/** `switchyard stats`, `switchyard health`: what the admins' page and the health check say. */
import { allCollections } from "../../shared/collections/index.ts";
import { createHealth, type HomeHealth } from "../../shared/placement/health.ts";
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
    connected(env, async ({ registry, assignments: { databases: rows }, deadlines: { statisticsMs: limitMs } }) => {
      const found = await readStats({ registry, rows, collections: allCollections, clock: Date.now, limitMs });
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
    connected(env, async ({ registry, deadlines: { probeMs } }) => {
      const found = await createHealth({ databases: [...registry.values()], probeMs, clock: Date.now })();
      const { status, homes, message } = found;
      out(
        values.json
          ? json(found)
          : table(
              ["name", "state"],
              homes.map((home) => [home.name, state(home)]),
            ),
      );
      if (status !== "healthy") throw new Refused(`The system is ${status}: ${message}`);
    }),
};

const state = ({ connected, latencyMs, error }: HomeHealth) =>
  connected ? `answers in ${latencyMs} ms${error ? `: ${error}` : ""}` : "does not answer";

const known = (value: number | null | undefined) => (value === null || value === undefined ? "?" : String(value));

function inWords({ homes }: DatabaseStats): string {
  const names = Object.keys(homes[0]?.collections ?? {});
  const numbers = table(
    ["", ...homes.map(({ name }) => name)],
    [
      ["users", ...homes.map(({ totalUsers }) => known(totalUsers))],
      ...names.map((name) => [name, ...homes.map(({ collections }) => known(collections[name]))]),
    ],
  );
  return [numbers, ...homes.flatMap(({ error }) => error ?? [])].join("\n");
}
