/** `switchyard homes move`, and what becomes of moves. */
import { homeCollections } from "../../shared/collections/index.ts";
import { createLog } from "../../shared/log.ts";
import { type Begun, createMovesControl, type Move, type MovesControl } from "../../shared/moves/control.ts";
import { runMoves } from "../../shared/moves/worker.ts";
import { isUnderWay, reverseMoves, startMoves } from "../../shared/operations/move-users.ts";
import { type Command, type Given, type Io, JSON_OPTION, json, orRefuse, Refused, table, WrongUse } from "./command.ts";
import { type Connection, connected } from "./connect.ts";
import { milliseconds } from "./copy-words.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MANY = 1_000;
/** Between two looks at moves of which no step is due. */
const LOOK_MS = 200;

function usersIn({ positionals }: Given): string[] {
  for (const user of positionals) if (!UUID.test(user)) throw new WrongUse(`"${user}" is no user's id.`);
  return positionals.map((user) => user.toLowerCase());
}

/** Makes steps until none of these is under way, and says how they ended. */
async function finish({ registry, service }: Connection, begun: readonly Begun[], say: (line: string) => void) {
  const control = createMovesControl(service);
  const refused = begun.flatMap((one) => ("refused" in one ? [one] : []));
  for (const { user_id, refused: why } of refused) say(`${user_id}: ${why}`);
  const waiting = new Set(begun.flatMap((one) => ("move" in one ? [one.user_id] : [])));
  const ended: Move[] = [];
  const log = createLog({ level: "silent" });
  const said = new Map<string, string>();
  while (waiting.size > 0) {
    orRefuse(await runMoves({ control, databases: registry, collections: homeCollections, log }));
    for (const userId of waiting) {
      const [move] = orRefuse(await control.list({ userId, ended: true, limit: 1 }));
      if (!move) continue;
      const line = inWords(move);
      if (said.get(userId) !== line) say(`${userId}: ${line}`);
      said.set(userId, line);
      if (isUnderWay(move)) continue;
      waiting.delete(userId);
      ended.push(move);
    }
    if (waiting.size > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return { ended, refused };
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
      const { copied = 0, paused_ms = null, late = [] } = detail;
      const lost = late.length > 0 ? ` ${late.length} records came to the old home afterwards: --json names them.` : "";
      return `${way}: done. ${copied} copied, writes waited ${milliseconds(paused_ms)}, kept in ${source} until ${kept_until?.slice(0, 10)}.${lost}`;
    }
    case "aborting":
      return `${way}: is given up`;
    default:
      return `${way}: ${state}${last_error ? `, ${last_error}` : ""}`;
  }
}

async function report(io: Io, given: Given, work: (connection: Connection) => Promise<Begun[]>): Promise<void> {
  await connected(io.env, async (connection) => {
    const begun = await work(connection);
    if (begun.length === 0) throw new Refused("There is nobody to move.");
    const { ended, refused } = await finish(connection, begun, given.values.json ? () => {} : io.out);
    if (given.values.json) io.out(json({ moves: ended, refused }));
    const failed = ended.filter(({ state }) => state === "aborted").length + refused.length;
    if (failed > 0) throw new Refused(`${failed} of ${begun.length} users were not moved.`);
  });
}

const reason = ({ values }: Given) => String(values.reason ?? "requested");

export const moveHomes: Command = {
  name: "homes move",
  usage: "<user>... | --all-from=<database> [--limit=<users>], --to=<database> [--reason=<text>] [--json]",
  about:
    "Moves users to another home while they work, and keeps the old copy for a week. Safe to interrupt, and to run twice.",
  options: {
    ...JSON_OPTION,
    to: { type: "string" },
    "all-from": { type: "string" },
    limit: { type: "string" },
    reason: { type: "string" },
  },
  positionals: { least: 0, most: MANY },
  run(given, io) {
    const { to, limit, "all-from": allFrom } = given.values;
    const users = usersIn(given);
    if (typeof to !== "string") throw new WrongUse("--to names the new home.");
    if (users.length > 0 === (allFrom !== undefined)) throw new WrongUse("Name users, or --all-from a database.");
    if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(String(limit)))
      throw new WrongUse("--limit is a number of users.");
    return report(io, given, async ({ service }) =>
      orRefuse(
        await startMoves(createMovesControl(service), {
          ...{ to, reason: reason(given), limit: limit === undefined ? undefined : Number(limit) },
          ...(allFrom === undefined ? { users } : { allFrom: String(allFrom) }),
        }),
      ),
    );
  },
};

export const reverseHomes: Command = {
  name: "homes moves reverse",
  usage: "<user>... [--reason=<text>] [--json]",
  about: "Moves users back to where they came from; only what has changed since is copied.",
  options: { ...JSON_OPTION, reason: { type: "string" } },
  positionals: { least: 1, most: MANY },
  run: (given, io) => {
    const users = usersIn(given);
    return report(io, given, async ({ service }) =>
      orRefuse(await reverseMoves(createMovesControl(service), users, reason(given))),
    );
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
