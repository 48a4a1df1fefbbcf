import { Double, Int32 } from "bson";
import type { Cursors } from "../cursors.ts";
import type { Engine } from "../engine.ts";
import { MongoError } from "../errors.ts";
import { Blocked } from "../journal.ts";
import type { Sessions } from "../sessions.ts";
import type { Doc } from "../values/compare.ts";
import { catalog } from "./catalog.ts";
import { type Command, numberOf } from "./context.ts";
import { handshake } from "./handshake.ts";
import { reads } from "./reads.ts";
import { refuseView } from "./views.ts";
import { writes } from "./writes.ts";

const OF_COLLECTIONS = [
  ...Object.keys(writes),
  "createIndexes",
  "dropIndexes",
  "deleteIndexes",
  "listIndexes",
  "collStats",
];
const COMMANDS: Record<string, Command> = { ...handshake, ...catalog, ...reads, ...writes };

export interface Server {
  readonly engine: Engine;
  readonly sessions: Sessions;
  readonly cursors: Cursors;
}

/** Runs one command to its end and answers as the server does, refusals included. */
export async function execute(server: Server, command: Doc, connectionId: number): Promise<Doc> {
  let isOver: Promise<boolean> | undefined;
  for (;;) {
    try {
      return { ...run(server, command, connectionId), ok: new Double(1) };
    } catch (error) {
      if (!(error instanceof Blocked)) return refusal(error);
    }
    isOver ??= inMs(numberOf(command.maxTimeMS, 0));
    if (await Promise.race([server.engine.ended, isOver]))
      return refusal(new MongoError(50, "operation exceeded time limit"));
  }
}

/** Never, for 0. */
const inMs = (limit: number) =>
  new Promise<boolean>((resolve) => {
    if (limit > 0) setTimeout(() => resolve(true), limit).unref();
  });

function run({ engine, sessions, cursors }: Server, command: Doc, connectionId: number): Doc {
  const [name = ""] = Object.keys(command);
  const known = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!known) throw new MongoError(59, `no such command: '${name}'`);
  const db = typeof command.$db === "string" ? command.$db : "admin";
  const context = { engine, sessions, cursors, db, command, name, connectionId };
  const work = () => {
    if (OF_COLLECTIONS.includes(name)) refuseView(context);
    return known(context);
  };
  if (command.autocommit === false) return sessions.run(command, name, work);
  // a write that may be retried, which drivers send where `hello` says that this is no standalone server
  if (command.txnNumber !== undefined)
    throw new MongoError(20, "Transaction numbers are only allowed on a replica set member or mongos");
  return engine.run(work);
}

/** An error as an answer. */
export function refusal(error: unknown): Doc {
  if (error instanceof MongoError) {
    return {
      ok: new Double(0),
      errmsg: error.message,
      code: new Int32(error.code),
      codeName: error.codeName,
      ...error.extra,
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    ok: new Double(0),
    errmsg: `The stand-in failed: ${message}`,
    code: new Int32(1),
    codeName: "InternalError",
  };
}
