/** The commands that the project's own code sends, as bytes, in the order in which they were sent. */
import { BSON, type CommandStartedEvent, type Document, type MongoClient } from "mongodb";
import { EXACT } from "./wire-client.ts";

/**
 * They belong to a connection, not to the data. Transactions are replayed without their bounds, and when they were
 * committed: one command at a time, two that were in each other's way would wait for ever
 * (test/integration/stand-in-parity-transactions.test.ts compares them).
 */
const OF_THE_CONNECTION = [
  ...["lsid", "$clusterTime", "$readPreference", "apiVersion"],
  ...["txnNumber", "startTransaction", "autocommit", "readConcern"],
];
/** A long answer is read to its end when it is replayed, in batches of each server's own size. */
const NOT_KEPT = ["getMore", "killCursors", "endSessions", "commitTransaction", "abortTransaction"];

export class Recording {
  readonly #commands: Uint8Array[] = [];
  /** of each session's transaction that is open */
  readonly #open = new Map<string, Uint8Array[]>();
  readonly #names = new Map<string, number>();

  /** How often each command was sent. */
  get names(): Record<string, number> {
    return Object.fromEntries(this.#names);
  }

  /** Records what a client sends from now on; it must have been made with `monitorCommands`. */
  watch(client: MongoClient): void {
    client.on("commandStarted", (event) => this.#keep(event));
  }

  /** Each command, as a copy of its own. */
  *[Symbol.iterator](): Generator<Document> {
    for (const bytes of this.#commands) yield BSON.deserialize(bytes, EXACT);
  }

  #keep({ commandName, command, databaseName }: CommandStartedEvent): void {
    const session = command.autocommit === false ? String(command.lsid.id.toString("hex")) : undefined;
    if (session && commandName === "commitTransaction") this.#commands.push(...(this.#open.get(session) ?? []));
    if (session && (command.startTransaction || NOT_KEPT.includes(commandName))) this.#open.set(session, []);
    if (NOT_KEPT.includes(commandName)) return;
    const kept = Object.fromEntries(Object.entries(command).filter(([name]) => !OF_THE_CONNECTION.includes(name)));
    const commands = (session && this.#open.get(session)) || this.#commands;
    commands.push(BSON.serialize({ ...kept, $db: databaseName }, { ignoreUndefined: false }));
    this.#names.set(commandName, (this.#names.get(commandName) ?? 0) + 1);
  }
}
