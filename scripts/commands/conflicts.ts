/** `switchyard replication conflicts`: rows that were changed in both databases, and the version of each that did not stay. */

import { allCollections } from "../../shared/collections/index.ts";
import { createLog } from "../../shared/log.ts";
import { type OpenReplication, openReplication } from "../../shared/operations/open-replication.ts";
import type { Conflict, ConflictVersion, ReplicationSource } from "../../shared/replication/source.ts";
import { type Command, type Given, type Io, JSON_OPTION, json, orRefuse, table, WrongUse } from "./command.ts";
import { connected } from "./connect.ts";

const USAGE = "[show <id> | choose <id> kept|other] [--all] [--json]";
/** Most that are listed. */
const LISTED = 100;

export const replicationConflicts: Command = {
  name: "replication conflicts",
  usage: USAGE,
  about: "Lists rows that were changed in both databases, shows both versions of one, or decides which it is to be.",
  options: { ...JSON_OPTION, all: { type: "boolean" } },
  positionals: { least: 0, most: 3 },
  run: (given, io) =>
    connected(io.env, async ({ config, service, deadlines }) => {
      const log = createLog({ level: "silent" });
      const options = { config, service, collections: allCollections, deadlines, log, appName: "switchyard-cli" };
      const replication = openReplication(options);
      try {
        await work(replication, given, io);
      } finally {
        await replication.close();
      }
    }),
};

async function work(replication: OpenReplication, { positionals, values }: Given, io: Io): Promise<void> {
  const [what, id = "", choice, ...rest] = positionals;
  const asJson = values.json === true;
  const { source } = replication;
  if (what === undefined) return list(source, values.all === true, asJson, io);
  if (!/^\d{1,15}$/.test(id) || rest.length > 0) throw new WrongUse(`Say which conflict: ${USAGE}`);
  if (what === "show" && choice === undefined) {
    const conflict = orRefuse(await source.conflict(Number(id)));
    if (asJson) io.out(json(conflict));
    else show(conflict, io);
    return;
  }
  if (what !== "choose" || (choice !== "kept" && choice !== "other")) throw new WrongUse(`Say what to do: ${USAGE}`);
  const chosen = orRefuse(await source.choose(Number(id), choice));
  // at once, where that can be done; else with whatever is copied next
  if (choice === "other") await replication.copy?.run();
  if (asJson) io.out(json(chosen));
  else if (choice === "kept") io.out("It stays as it is.");
  else io.out(`Written again, as version ${chosen.version}.`);
}

async function list(source: ReplicationSource, all: boolean, asJson: boolean, io: Io): Promise<void> {
  const found = orRefuse(await source.conflicts(LISTED, all));
  if (asJson || found.length === 0) {
    io.out(asJson ? json(found) : all ? "There has been none." : "There is none to be decided about.");
    return;
  }
  const rows = found.map(({ id, collection, row_id, found_at, state }) => [
    ...[String(id), collection, row_id, found_at.slice(0, 19)],
    state === "open" ? "open" : `${state} chosen`,
  ]);
  io.out(table(["id", "collection", "row", "found at", "state"], rows));
  io.out("To see both versions: switchyard replication conflicts show <id>");
}

function show(conflict: Conflict, io: Io): void {
  const { id, collection, row_id, kept, other, present, state } = conflict;
  io.out(`${collection} ${row_id}, ${state === "open" ? "not decided yet" : `${state} was chosen`}`);
  const fields = [...new Set([kept, other, present].flatMap((version) => Object.keys(version?.row ?? {})))].sort();
  const rows = fields.map((name) => {
    const [one, two, three] = [kept, other, present].map((version) => cell(version, name));
    return [one === two ? name : `* ${name}`, one ?? "", two ?? "", three ?? ""];
  });
  io.out(table(["field", "kept", "other", "as it is now"], rows));
  if (state === "open")
    io.out(
      [
        `It is right as it is:     switchyard replication conflicts choose ${id} kept`,
        `It is to be the other:    switchyard replication conflicts choose ${id} other`,
      ].join("\n"),
    );
}

const cell = (version: ConflictVersion | null, name: string): string => {
  if (!version) return "(gone)";
  if (!version.row) return "(deleted)";
  const value = version.row[name] ?? null;
  return typeof value === "string" ? value : JSON.stringify(value);
};
