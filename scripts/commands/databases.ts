/** `switchyard databases`, `switchyard databases set`: who takes users. */
import type { DatabaseRow, DatabaseSettings } from "../../shared/placement/assignment.ts";
import { type Command, type Given, JSON_OPTION, json, orRefuse, Refused, table, WrongUse } from "./command.ts";
import { connected } from "./connect.ts";

export const listDatabases: Command = {
  name: "databases",
  usage: "[--json]",
  about: "Lists the databases that can be homes, and how many users each has.",
  options: JSON_OPTION,
  positionals: 0,
  run: ({ values }, { env, out }) =>
    connected(env, async ({ assignments }) => {
      const rows = orRefuse(await assignments.databases());
      out(values.json ? json(rows) : list(rows));
    }),
};

export const setDatabase: Command = {
  name: "databases set",
  usage: "<name> [--accepting=true|false] [--weight=<number>] [--capacity=<users>|none] [--json]",
  about: "Changes whether new users get this home, and how many of them.",
  options: {
    ...JSON_OPTION,
    accepting: { type: "string" },
    weight: { type: "string" },
    capacity: { type: "string" },
  },
  positionals: 1,
  run(given, { env, out }) {
    const [name = ""] = given.positionals;
    const wanted = settingsIn(given);
    return connected(env, async ({ assignments }) => {
      orRefuse(await assignments.setDatabase(name, wanted));
      const rows = orRefuse(await assignments.databases());
      const row = rows.find((each) => each.name === name);
      if (!row) throw new Refused(`There is no database named "${name}".`);
      out(given.values.json ? json(row) : `${name}: ${inWords(row)}.`);
    });
  },
};

function settingsIn({ values }: Given): DatabaseSettings {
  const { accepting, weight, capacity } = values;
  if (accepting === undefined && weight === undefined && capacity === undefined)
    throw new WrongUse("Say what to change: --accepting, --weight or --capacity.");
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
  };
}

const health = ({ healthy, health_error }: DatabaseRow) =>
  healthy === null ? "not looked at" : healthy ? "yes" : `no${health_error ? `: ${health_error}` : ""}`;

const list = (rows: readonly DatabaseRow[]) =>
  table(
    ["name", "accepting", "weight", "capacity", "users", "healthy"],
    rows.map((row) => [
      row.name,
      row.accepting ? "yes" : "no",
      String(row.weight),
      row.capacity_users === null ? "no limit" : String(row.capacity_users),
      String(row.user_count),
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
