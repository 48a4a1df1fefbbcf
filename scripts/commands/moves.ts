/** `switchyard homes move`, and what becomes of moves. */
import { homeCollections } from "../../shared/collections/index.ts";
import { createLog } from "../../shared/log.ts";
import { countLate, createMovesControl, type Move, type MovesControl } from "../../shared/moves/control.ts";
import { runMoves } from "../../shared/moves/worker.ts";
import { moveInTurns } from "../../shared/operations/move-in-turns.ts";
import { type Beginning, beginning, beginningOfPlan, reverseMoves } from "../../shared/operations/move-users.ts";
import type { MeasuredPlan } from "../../shared/operations/plan-balance.ts";
import { confirmed, planInWords, planned } from "./balance.ts";
import { type Command, type Given, type Io, JSON_OPTION, json, orRefuse, Refused, table, WrongUse } from "./command.ts";
import { type Connection, connected } from "./connect.ts";
import { milliseconds } from "./copy-words.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MANY = 1_000;
function usersIn({ positionals }: Given): string[] {
  for (const user of positionals) if (!UUID.test(user)) throw new WrongUse(`"${user}" is no user's id.`);
  return positionals.map((user) => user.toLowerCase());
}

function inWords({ source, target, state, detail, last_error, kept_until }: Move): string {
  const way = `${source} to ${target}`;
  switch (state) {
    case "announced":
      return `${way}: told to both; instances have to hear of it first`;
    case "copying":
      return last_error ? `${way}: waits, and is tried again: ${last_error}` : `${way}: copying`;
    case "switched":
      return `${way}: at home in ${target}, which is being opened${last_error ? `: ${last_error}` : ""}`;
    case "kept": {
      const { copied = 0, paused_ms = null } = detail;
      return `${way}: done. ${copied} copied, writes waited ${milliseconds(paused_ms)}, kept in ${source} until ${kept_until?.slice(0, 10)}.${lateInWords(detail)}`;
    }
    case "aborting":
      return `${way}: is given up`;
    default:
      return `${way}: ${state}${last_error ? `, ${last_error}` : ""}${lateInWords(detail)}`;
  }
}

/** What came to the old home after the switch; of forwarded writes, nobody has to do anything. */
function lateInWords({ late = [] }: Move["detail"]): string {
  if (late.length === 0) return "";
  const { forwarded, conflict, open } = countLate(late);
  const parts = [
    forwarded > 0 && `${forwarded} made in the new home`,
    conflict > 0 && `${conflict} in conflict with it, which are for you to decide (--json names them)`,
    open > 0 && `${open} not judged yet`,
  ];
  return ` Writes that came late: ${parts.filter(Boolean).join("; ")}.`;
}

/** Begins, makes steps until none of these is under way, and says how they ended. */
async function finish(
  io: Io,
  { registry, service }: Connection,
  begin: Beginning,
  { isJson, perMinute, plan }: { isJson: boolean; perMinute?: number | undefined; plan?: MeasuredPlan | undefined },
): Promise<void> {
  const say = isJson ? () => {} : io.out;
  const control = createMovesControl(service);
  const log = createLog({ level: "silent" });
  const said = new Map<string, string>();
  const turns = orRefuse(
    await moveInTurns({
      control,
      begin,
      perMinute,
      makeSteps: (isOver) => runMoves({ control, databases: registry, collections: homeCollections, log, isOver }),
      isOver: io.isInterrupted,
      onRefused: (userId, why) => say(`${userId}: ${why}`),
      onMove(move) {
        const line = inWords(move);
        if (said.get(move.user_id) !== line) say(`${move.user_id}: ${line}`);
        said.set(move.user_id, line);
      },
      clock: () => performance.now(),
      wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    }),
  );
  const { begun, ended, refused, underWay, isAll } = turns;
  if (begun === 0 && isAll) throw new Refused("There is nobody to move.");
  if (isJson) io.out(json({ ...(plan && { plan }), moves: ended, refused, under_way: underWay }));
  if (!isAll || underWay.length > 0)
    throw new Refused(
      `Ended early: ${ended.length} are done, and ${underWay.length} under way, which go on where the edge function moves runs (homes moves status; homes moves abort). ${isAll ? "" : "The others are as they were: the same command goes on with them."}`.trim(),
    );
  const failed = ended.filter(({ state }) => state === "aborted").length + refused.length;
  if (failed > 0) throw new Refused(`${failed} of ${begun} users were not moved.`);
}

const reason = ({ values }: Given) => String(values.reason ?? "requested");

/** A whole number above 0; undefined unless given. */
function numberIn({ values }: Given, name: string, words: string): number | undefined {
  const given = values[name];
  if (given === undefined) return undefined;
  if (!/^[1-9]\d{0,8}$/.test(String(given))) throw new WrongUse(`--${name} is a number of users${words}.`);
  return Number(given);
}

export const moveHomes: Command = {
  name: "homes move",
  usage:
    "<user>... --to=<database> | --all-from=<database> --to=<database> | --balance [--dry-run] [--yes], [--limit=<users>] [--rate=<users per minute>] [--reason=<text>] [--json]",
  about:
    "Moves users to another home while they work, and keeps the old copy for a week. --balance plans whom to move so that each home holds what its weight says, and asks first. Safe to interrupt, and to run twice.",
  options: {
    ...JSON_OPTION,
    to: { type: "string" },
    "all-from": { type: "string" },
    balance: { type: "boolean" },
    "dry-run": { type: "boolean" },
    yes: { type: "boolean" },
    limit: { type: "string" },
    rate: { type: "string" },
    reason: { type: "string" },
  },
  positionals: { least: 0, most: MANY },
  run(given, io) {
    const { to, "all-from": allFrom, balance, yes, "dry-run": dryRun } = given.values;
    const users = usersIn(given);
    const limit = numberIn(given, "limit", "");
    const perMinute = numberIn(given, "rate", " a minute");
    const isJson = given.values.json === true;
    if (balance) {
      if (to !== undefined || allFrom !== undefined || users.length > 0)
        throw new WrongUse("--balance plans who moves, and where to: name neither users nor databases.");
      return connected(io.env, (connection) => balanceHomes(given, io, connection, { limit, perMinute, isJson }));
    }
    if (yes || dryRun) throw new WrongUse("--yes and --dry-run are of --balance.");
    if (typeof to !== "string") throw new WrongUse("--to names the new home.");
    if (users.length > 0 === (allFrom !== undefined)) throw new WrongUse("Name users, or --all-from a database.");
    const who = allFrom === undefined ? { users } : { allFrom: String(allFrom) };
    return connected(io.env, (connection) => {
      const request = { ...who, to, limit, reason: reason(given) };
      const begin = beginning(createMovesControl(connection.service), request);
      return finish(io, connection, begin, { isJson, perMinute });
    });
  },
};

async function balanceHomes(
  given: Given,
  io: Io,
  connection: Connection,
  { limit, ...how }: { limit: number | undefined; perMinute: number | undefined; isJson: boolean },
): Promise<void> {
  const isYes = given.values.yes === true;
  const { isJson } = how;
  const say = isJson ? () => {} : io.err;
  const plan = await planned(connection, { limit, say, isOver: io.isInterrupted ?? (() => false) });
  if (io.isInterrupted?.()) throw new Refused("Ended early: nobody was moved.");
  if (!isJson) io.out(planInWords(plan));
  if (given.values["dry-run"] || plan.moves.length === 0) {
    if (isJson) io.out(json({ plan }));
    return;
  }
  await confirmed(plan.moves.length, isYes, isJson ? { ...io, ask: undefined } : io);
  const why = given.values.reason === undefined ? "balance" : reason(given);
  const begin = beginningOfPlan(createMovesControl(connection.service), plan.moves, why);
  await finish(io, connection, begin, { ...how, plan });
}

export const reverseHomes: Command = {
  name: "homes moves reverse",
  usage: "<user>... [--reason=<text>] [--json]",
  about: "Moves users back to where they came from; only what has changed since is copied.",
  options: { ...JSON_OPTION, reason: { type: "string" } },
  positionals: { least: 1, most: MANY },
  run: (given, io) => {
    const left = usersIn(given);
    return connected(io.env, (connection) => {
      const control = createMovesControl(connection.service);
      const begin: Beginning = (most) => reverseMoves(control, left.splice(0, most), reason(given));
      return finish(io, connection, begin, { isJson: given.values.json === true });
    });
  },
};

export const movesStatus: Command = {
  name: "homes moves status",
  usage: "[<user>] [--all] [--json]",
  about: "Says which users are being moved, and of which a copy is kept; --all: those that have ended, too.",
  options: { ...JSON_OPTION, all: { type: "boolean" } },
  positionals: { least: 0, most: 1 },
  run: (given, { env, out }) =>
    connected(env, async ({ service }) => {
      const [userId] = usersIn(given);
      const moves = orRefuse(await createMovesControl(service).list({ userId, ended: given.values.all === true }));
      if (given.values.json) return out(json(moves));
      if (moves.length === 0) return out("Nobody is being moved, and no copy is kept.");
      out(
        table(
          ["move", "user", "state", ""],
          moves.map((move) => [String(move.id), move.user_id, move.state, inWords(move)]),
        ),
      );
    }),
};

const ending = (
  name: string,
  about: string,
  done: string,
  call: (control: MovesControl, users: string[] | null) => ReturnType<MovesControl["abort"]>,
): Command => ({
  name: `homes moves ${name}`,
  usage: "<user>... | --all",
  about,
  options: { all: { type: "boolean" } },
  positionals: { least: 0, most: MANY },
  run(given, { env, out }) {
    const users = usersIn(given);
    if (users.length > 0 === (given.values.all === true)) throw new WrongUse("Name users, or --all.");
    return connected(env, async ({ service, registry }) => {
      const control = createMovesControl(service);
      const count = orRefuse(await call(control, users.length > 0 ? users : null));
      const log = createLog({ level: "silent" });
      orRefuse(await runMoves({ control, databases: registry, collections: homeCollections, log }));
      out(`${count} ${done}`);
    });
  },
});

export const abortMoves = ending(
  "abort",
  "Gives moves up that have not switched: the old home is as it was, and what was copied goes.",
  "given up.",
  (control, users) => control.abort(users),
);
export const cleanMoves = ending(
  "clean",
  "Takes the kept copies of moved users away now, and not after a week. There is no way back then but another move.",
  "kept copies taken away.",
  (control, users) => control.clean(users),
);
