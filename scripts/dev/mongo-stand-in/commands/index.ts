import { Double, Int32 } from "bson";
import type { Cursors } from "../cursors.ts";
import type { Engine } from "../engine.ts";
import { MongoError } from "../errors.ts";
import type { Doc } from "../values/compare.ts";
import { catalog } from "./catalog.ts";
import type { Command } from "./context.ts";
import { handshake } from "./handshake.ts";
import { reads } from "./reads.ts";
import { writes } from "./writes.ts";

const COMMANDS: Record<string, Command> = { ...handshake, ...catalog, ...reads, ...writes };

export interface Server {
  readonly engine: Engine;
  readonly cursors: Cursors;
}

/** Runs one command to its end and answers as the server does, refusals included. */
export function execute({ engine, cursors }: Server, command: Doc, connectionId: number): Doc {
  try {
    const [name = ""] = Object.keys(command);
    const run = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!run) throw new MongoError(59, `no such command: '${name}'`);
    if (command.autocommit === false || command.txnNumber !== undefined) {
      throw new MongoError(20, "Transaction numbers are only allowed on a replica set member or mongos");
    }
    const db = typeof command.$db === "string" ? command.$db : "admin";
    const answer = engine.run(() => run({ engine, cursors, db, command, name, connectionId }));
    return { ...answer, ok: new Double(1) };
  } catch (error) {
    return refusal(error);
  }
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
