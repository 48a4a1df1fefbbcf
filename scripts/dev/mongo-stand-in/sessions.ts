import type { Engine } from "./engine.ts";
import { MongoError } from "./errors.ts";
import { TRANSIENT, type Transaction } from "./journal.ts";
import { type Doc, keyOf } from "./values/compare.ts";

interface Session {
  number: string;
  transaction: Transaction;
  state: "open" | "committed" | "aborted";
  begunAt: number;
  usedAt: number;
}

const ALLOWED = [
  "find",
  "aggregate",
  "distinct",
  "getMore",
  "killCursors",
  "insert",
  "update",
  "delete",
  "findAndModify",
  "findandmodify",
];
const MAX_IDLE_MS = 30 * 60_000;

/** The last transaction of each session. One that its client has left open is aborted when its time is over. */
export class Sessions {
  readonly #engine: Engine;
  readonly #lifetimeMs: number;
  readonly #sessions = new Map<string, Session>();

  constructor(engine: Engine, lifetimeMs: number) {
    this.#engine = engine;
    this.#lifetimeMs = lifetimeMs;
  }

  /** Runs a command with `autocommit: false`. Whatever goes wrong in it ends the transaction. */
  run(command: Doc, name: string, work: () => Doc): Doc {
    const session = this.#sessionOf(command);
    if (name === "commitTransaction" || name === "abortTransaction") return this.#finish(session, name);
    if (session?.state !== "open") throw noSuchTransaction(command);
    if (!ALLOWED.includes(name)) throw new MongoError(263, `Cannot run '${name}' in a multi-document transaction.`);
    try {
      const answer = this.#engine.runIn(session.transaction, work);
      if (answer.writeErrors) this.#end(session, "aborted");
      return answer;
    } catch (error) {
      this.#end(session, "aborted");
      throw error;
    }
  }

  #sessionOf(command: Doc): Session | undefined {
    const id = keyOf(command.lsid);
    const number = String(command.txnNumber);
    const known = this.#sessions.get(id);
    if (command.startTransaction === true) {
      if (known) this.#end(known, "aborted");
      const session: Session = {
        number,
        transaction: this.#engine.begin(),
        state: "open",
        begunAt: Date.now(),
        usedAt: Date.now(),
      };
      this.#sessions.set(id, session);
      return session;
    }
    if (known?.number !== number) return undefined;
    known.usedAt = Date.now();
    // a failure that nobody foresaw ends all of them
    if (known.state === "open" && !this.#engine.isOpen(known.transaction)) this.#end(known, "aborted");
    return known;
  }

  /** A commit may be asked for again; it is the one that was made. */
  #finish(session: Session | undefined, name: string): Doc {
    const isCommit = name === "commitTransaction";
    if (session?.state === "committed") {
      if (isCommit) return {};
      throw new MongoError(256, "Transaction has been committed.");
    }
    if (session?.state !== "open") throw noSuchTransaction({});
    if (isCommit) this.#engine.commit(session.transaction);
    this.#end(session, isCommit ? "committed" : "aborted");
    return {};
  }

  #end(session: Session, state: "committed" | "aborted"): void {
    if (session.state !== "open") return;
    session.state = state;
    if (this.#engine.isOpen(session.transaction)) this.#engine.abort(session.transaction);
  }

  /** Ends sessions of a client that leaves. */
  forget(ids: readonly unknown[]): void {
    for (const id of ids.map(keyOf)) this.#drop(id);
  }

  reap(now: number): void {
    for (const [id, session] of this.#sessions) {
      if (now - session.begunAt > this.#lifetimeMs) this.#end(session, "aborted");
      if (now - session.usedAt > MAX_IDLE_MS) this.#drop(id);
    }
  }

  close(): void {
    for (const id of this.#sessions.keys()) this.#drop(id);
  }

  #drop(id: string): void {
    const session = this.#sessions.get(id);
    if (session) this.#end(session, "aborted");
    this.#sessions.delete(id);
  }
}

function noSuchTransaction({ txnNumber }: Doc): MongoError {
  return new MongoError(251, `The transaction ${String(txnNumber ?? "")} is not in progress.`, TRANSIENT);
}
