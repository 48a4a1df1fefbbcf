/** Users who go on writing while they are moved: what they were told is there, and how long they waited. */
import { setTimeout as wait } from "node:timers/promises";

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  body: any;
  retryAfter: string | null;
}
/** One request to one instance of the API, in the name of one user. */
export type Send = (method: string, path: string, body?: object, headers?: Record<string, string>) => Promise<Answer>;

export interface Written {
  /** what is there by what the API has acknowledged: names of contacts by id */
  there: Map<string, string>;
  /** ids of those whose deletion it has acknowledged */
  deleted: Set<string>;
  acknowledged: number;
  /** writes that were told to come again */
  refused: number;
  /** of each write that was refused: milliseconds from its first try until it was done */
  waitedMs: number[];
  /** answers that nobody should get */
  odd: string[];
}

/** Every eighth write is a deletion, every third a change; the others create. */
const CHANGES = 3;
const DELETIONS = 8;
/** A refused write is tried again sooner than `retry-after` asks for, so that a pause is measured and not that header. */
const AGAIN_MS = 25;
/** The pause of a move, and an instance that has not heard of one, refuse before anything is done. After any other 503 it may have been. */
const isRefusedUndone = ({ body }: Answer) =>
  body?.code === "moved" || (body?.code === "busy" && body.detail.includes("being moved"));

/**
 * One writer: a write after the other, each through the next of the instances, `paceMs` between them. Writes are tried until
 * they are done: each may be repeated. `odd` is what it has found so far.
 */
export function keepWriting(
  instances: readonly Send[],
  paceMs: number,
): { odd: readonly string[]; stop(): Promise<Written> } {
  const written: Written = {
    ...{ there: new Map(), deleted: new Set(), acknowledged: 0, refused: 0, waitedMs: [], odd: [] },
  };
  let isOver = false;
  const insist = async (at: number, ...request: Parameters<Send>): Promise<Answer> => {
    const began = performance.now();
    let isPerhapsDone = false;
    for (let tries = 0; ; tries++) {
      const send = instances[(at + tries) % instances.length] as Send;
      const answer = await send(...request);
      if (answer.status !== 503) {
        if (tries > 0) written.waitedMs.push(performance.now() - began);
        const isRepeated = isPerhapsDone && request[0] === "DELETE" && answer.status === 404;
        if (answer.status === 404 && !isRepeated)
          // what is written to is what an answer has told of
          written.odd.push(`${request[1]}, whose write was acknowledged, is lost: ${request[0]} finds nothing`);
        else if (answer.status >= 300 && !isRepeated)
          written.odd.push(`${request[0]} ${answer.status} ${JSON.stringify(answer.body)}`);
        else written.acknowledged++;
        return answer;
      }
      written.refused++;
      isPerhapsDone ||= !isRefusedUndone(answer);
      if (answer.retryAfter === null) written.odd.push(`503 without retry-after: ${JSON.stringify(answer.body)}`);
      await wait(AGAIN_MS);
    }
  };
  const work = async (): Promise<Written> => {
    for (let at = 0; !isOver; at++) {
      const [some] = written.there.keys();
      const name = `n${at}`;
      if (some !== undefined && at % DELETIONS === DELETIONS - 1) {
        written.there.delete(some);
        written.deleted.add(some);
        await insist(at, "DELETE", `/contacts/${some}`);
      } else if (some !== undefined && at % CHANGES === CHANGES - 1) {
        await insist(at, "PATCH", `/contacts/${some}`, { name });
        written.there.set(some, name);
      } else {
        const made = await insist(at, "POST", "/contacts", { name }, { "idempotency-key": crypto.randomUUID() });
        if (made.status === 201) written.there.set(made.body.id, name);
      }
      await wait(paceMs);
    }
    return written;
  };
  const working = work();
  return {
    odd: written.odd,
    stop() {
      isOver = true;
      return working;
    },
  };
}

/** All contacts of a user, as the API has them. */
export async function contactsOf(send: Send): Promise<Map<string, string>> {
  const all = new Map<string, string>();
  for (let cursor = ""; ; ) {
    const { status, body } = await send(
      "GET",
      `/contacts?limit=200${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    if (status !== 200) throw new Error(`GET /contacts: ${status} ${JSON.stringify(body)}`);
    for (const { id, name } of body.items) all.set(id, name);
    if (!body.next_cursor) return all;
    cursor = body.next_cursor;
  }
}
