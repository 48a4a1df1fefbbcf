/** `switchyard databases` and what follows it: which databases there are, and who of them takes users. */
import { drainDatabase, setDatabase } from "../../shared/operations/databases.ts";
import { setPolicy } from "../../shared/operations/placement-policy.ts";
import type { DatabaseRow, DatabaseSettings } from "../../shared/placement/assignment.ts";
import { type ConfiguredDatabase, reservedName } from "../../shared/placement/configured-databases.ts";
import { variableOf } from "../../shared/placement/database-names.ts";
import {
  createPlacementPolicy,
  type Placement,
  type PlacementPolicy,
  POLICIES,
} from "../../shared/placement/policy.ts";
import { ENGINES, type Engine } from "../../shared/repository/database.ts";
import { inMegabytes, parseBytes } from "../../shared/values/bytes.ts";
import { type Command, type Given, JSON_OPTION, json, orRefuse, table, WrongUse } from "./command.ts";
import { connected } from "./connect.ts";

const ROOM = { "capacity-bytes": { type: "string" }, "full-at": { type: "string" } } as const;
const SETTINGS = { weight: { type: "string" }, capacity: { type: "string" } } as const;

export const listDatabases: Command = {
  name: "databases",
  usage: "[--json]",
  about: "Lists the databases that can be homes, how many users each has, and by what those of new users are chosen.",
  options: JSON_OPTION,
  positionals: 0,
  run: ({ values }, { env, out }) =>
    connected(env, async ({ assignments, service }) => {
      const [rows, placement] = await Promise.all([assignments.databases(), createPlacementPolicy(service).get()]);
      const [known, chosen] = [orRefuse(rows), orRefuse(placement)];
      if (!values.json) return out(`${list(known)}\n${placementInWords(chosen)}`);
      const { policy, used: placed_by, databases } = chosen;
      const of = (name: string) => databases.find((each) => each.name === name);
      out(
        json(
          known.map((row) => {
            const { measure = null, measured_at = null } = of(row.name) ?? {};
            return { ...row, policy, placed_by, measure, measured_at };
          }),
        ),
      );
    }),
};

export const addDatabase: Command = {
  name: "databases add",
  usage: `<name> [--kind=${ENGINES.join("|")}] [--weight=<number>] [--capacity=<users>] [--site=<1-7>] [--json]`,
  about: "Lists one more database; it takes nobody until it is prepared. The kind follows from DATABASE_<NAME>.",
  options: { ...JSON_OPTION, ...SETTINGS, kind: { type: "string" }, site: { type: "string" } },
  positionals: 1,
  run(given, { env, out }) {
    const [name = ""] = given.positionals;
    const { weight, capacityUsers } = settingsIn(given);
    const site = siteIn(given);
    const reserved = reservedName(name);
    if (reserved !== undefined) throw new WrongUse(reserved);
    return connected(env, async ({ assignments, config }) => {
      const configured = config.databases.find((each) => each.name === name);
      const kind = kindIn(given, configured);
      const added = orRefuse(
        await assignments.addDatabase({ name, kind, site, weight, capacityUsers: capacityUsers ?? undefined }),
      );
      if (given.values.json) return out(json(added));
      const { site: place } = added;
      out(`${name}: ${added.added ? "added" : "was there already"}, ${kind}, site ${place}.`);
      const variable = configured?.variable ?? variableOf(name);
      if (!added.added) return;
      out(`1. Set ${variable} where the API runs and where the edge functions run${configured ? "" : ", and here"}.`);
      out(`2. Let it take users: switchyard db prepare ${name}`);
    });
  },
};

export const changeDatabase: Command = {
  name: "databases set",
  usage: `<name> [--accepting=true|false] [--weight=<number>] [--capacity=<users>|none] [--capacity-bytes=512MB|none] [--full-at=<percent>] [--json] | --policy=${POLICIES.join("|")}`,
  about:
    "Changes whether new users get this home, how many of them, and until how much of its room is used; or, of all, by what homes are chosen.",
  options: { ...JSON_OPTION, ...SETTINGS, ...ROOM, accepting: { type: "string" }, policy: { type: "string" } },
  positionals: { least: 0, most: 1 },
  run(given, { env, out }) {
    const [name] = given.positionals;
    const wanted = settingsIn(given);
    const { policy } = given.values;
    if (policy !== undefined) {
      if (name !== undefined || Object.keys(wanted).length > 0)
        throw new WrongUse("--policy is of all databases: name none, and change nothing else with it.");
      const chosen = policyIn(policy);
      return connected(env, async ({ service, assignments, registry, deadlines: { statisticsMs } }) => {
        const control = createPlacementPolicy(service);
        const set = await setPolicy({ control, assignments, registry, limitMs: statisticsMs }, chosen);
        const placement = orRefuse(set);
        out(given.values.json ? json(placement) : placementInWords(placement));
      });
    }
    if (name === undefined) throw new WrongUse("A name is missing.");
    if (Object.keys(wanted).length === 0)
      throw new WrongUse(
        "Say what to change: --accepting, --weight, --capacity, --capacity-bytes or --full-at; or --policy.",
      );
    return connected(env, async ({ assignments }) => {
      const row = orRefuse(await setDatabase(assignments, name, wanted));
      out(given.values.json ? json(row) : `${name}: ${inWords(row)}.`);
    });
  },
};

export const drain: Command = {
  name: "databases drain",
  usage: "<name> [--json]",
  about: "From now on no new users get this home; says how many are at home there.",
  options: JSON_OPTION,
  positionals: 1,
  run: ({ positionals: [name = ""], values }, { env, out, err }) =>
    connected(env, async ({ assignments }) => {
      const { row, isAnyAccepting } = orRefuse(await drainDatabase(assignments, name));
      out(values.json ? json(row) : `${name}: ${inWords(row)}.`);
      if (!isAnyAccepting) err("No database takes new users now: sign-ups are refused.");
    }),
};

export const removeDatabase: Command = {
  name: "databases remove",
  usage: "<name>",
  about: "Takes a database off the list that nobody is at home in, and nothing is left to be purged from.",
  options: {},
  positionals: 1,
  run: ({ positionals: [name = ""] }, { env, out }) =>
    connected(env, async ({ assignments }) => {
      orRefuse(await assignments.removeDatabase(name));
      out(`${name}: removed from the list. Unset ${variableOf(name)}; the database itself is as it was.`);
    }),
};

function settingsIn({ values }: Given): DatabaseSettings {
  const { accepting, weight, capacity } = values;
  if (accepting !== undefined && accepting !== "true" && accepting !== "false")
    throw new WrongUse("--accepting is true or false.");
  if (weight !== undefined && !(/^\d{1,9}(\.\d{1,6})?$/.test(String(weight)) && Number(weight) > 0))
    throw new WrongUse(
      "--weight is a number above 0; a database with weight 2 gets twice as many users as one with 1.",
    );
  if (capacity !== undefined && capacity !== "none" && !/^\d{1,12}$/.test(String(capacity)))
    throw new WrongUse('--capacity is a number of users, or "none" for no limit.');
  return {
    ...(accepting === undefined ? {} : { accepting: accepting === "true" }),
    ...(weight === undefined ? {} : { weight: Number(weight) }),
    ...(capacity === undefined ? {} : { capacityUsers: capacity === "none" ? null : Number(capacity) }),
    ...roomIn(values),
  };
}

function policyIn(given: string | boolean): PlacementPolicy {
  const policy = POLICIES.find((each) => each === given);
  if (!policy) throw new WrongUse(`--policy is ${POLICIES.join(", ")}.`);
  return policy;
}

function roomIn({ "capacity-bytes": given, "full-at": percent }: Given["values"]): DatabaseSettings {
  const bytes = given === undefined || given === "none" ? undefined : parseBytes(String(given));
  if (given !== undefined && given !== "none" && !bytes)
    throw new WrongUse(
      '--capacity-bytes is what the provider gives, such as 512MB, or "none" where that is not known.',
    );
  if (
    percent !== undefined &&
    !(/^\d{1,3}(\.\d{1,2})?$/.test(String(percent)) && Number(percent) > 0 && Number(percent) <= 100)
  )
    throw new WrongUse("--full-at is a percentage of the capacity, above 0 and up to 100; without it, 90.");
  return {
    ...(given === undefined ? {} : { capacityBytes: bytes ?? null }),
    ...(percent === undefined ? {} : { fullAtPercent: Number(percent) }),
  };
}

function siteIn({ values: { site } }: Given): number | undefined {
  if (site === undefined) return undefined;
  if (!/^[1-7]$/.test(String(site))) throw new WrongUse("--site is a number from 1 to 7.");
  return Number(site);
}

function kindIn({ values, positionals: [name = ""] }: Given, configured: ConfiguredDatabase | undefined) {
  const kind = values.kind ?? configured?.kind;
  if (!isEngine(kind))
    throw new WrongUse(
      kind === undefined
        ? `Say ${ENGINES.map((engine) => `--kind=${engine}`).join(" or ")}, or set ${variableOf(name)}, whose scheme tells it.`
        : `--kind is ${ENGINES.join(" or ")}.`,
    );
  if (configured && configured.kind !== kind)
    throw new WrongUse(`${configured.variable} is a URL of ${configured.kind}: leave --kind out, or set another URL.`);
  return kind;
}

const isEngine = (kind: unknown): kind is Engine => ENGINES.some((engine) => engine === kind);

const room = ({ bytes, capacity_bytes }: DatabaseRow) => {
  const used = bytes === null ? "?" : inMegabytes(bytes);
  return capacity_bytes === null ? used : `${used} of ${inMegabytes(capacity_bytes)}`;
};

const isFull = ({ bytes, capacity_bytes, full_at_percent }: DatabaseRow) =>
  bytes !== null && capacity_bytes !== null && bytes >= (capacity_bytes * full_at_percent) / 100;

const health = ({ healthy, health_error, refuses, ...row }: DatabaseRow) =>
  refuses
    ? `no: ${refuses}`
    : isFull(row as DatabaseRow)
      ? `no: over ${row.full_at_percent} % of its capacity`
      : healthy === null
        ? "not looked at"
        : healthy
          ? "yes"
          : `no${health_error ? `: ${health_error}` : ""}`;

const list = (rows: readonly DatabaseRow[]) =>
  table(
    ["name", "kind", "site", "accepting", "weight", "capacity", "users", "size", "healthy"],
    rows.map((row) => [
      row.name,
      row.kind,
      String(row.site),
      row.accepting ? "yes" : "no",
      String(row.weight),
      row.capacity_users === null ? "no limit" : String(row.capacity_users),
      String(row.user_count),
      room(row),
      health(row),
    ]),
  );

const inWords = ({ accepting, weight, capacity_users, user_count }: DatabaseRow) =>
  [
    accepting ? "new users may get it" : "no new users get it",
    `weight ${weight}`,
    capacity_users === null ? "no limit" : `at most ${capacity_users} users`,
    `${user_count} users now`,
  ].join(", ");

const CHOSEN_BY: Readonly<Record<PlacementPolicy, string>> = {
  count: "users for its weight",
  size: "bytes for its weight",
  load: "users for its weight who were there within a day",
  latency: "time to answer",
};

const placementInWords = ({ policy, used, unmeasured }: Placement) =>
  used === policy
    ? `New users get the one with the least ${CHOSEN_BY[policy]} (policy: ${policy}).`
    : `New users get the one with the least ${CHOSEN_BY[used]}: the policy is ${policy}, and that was not measured within ten minutes of ${unmeasured.join(", ")}.`;
