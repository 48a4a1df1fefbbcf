/** A user who writes without a pause, and remembers of every write when it began, when it was told to be done, and what came of it. */
import { setTimeout as wait } from "node:timers/promises";
import { expect } from "vitest";
import type { Caller } from "../attack/caller.ts";

interface State {
  began: number;
  ended: number;
  /** null: deleted */
  version: number | null;
  name: string;
}
interface Logged {
  key: string;
  first: string;
  states: State[];
}
export interface LoggedWriter {
  /** contacts, by id */
  log: ReadonlyMap<string, Logged>;
  acknowledged(): number;
  stop(): Promise<void>;
}

/** `callers`: instances of the API, in turns. */
export function startLoggedWriter(callers: readonly Caller[]): LoggedWriter {
  const log = new Map<string, Logged>();
  let acknowledged = 0;
  let isOver = false;
  const now = () => performance.now();

  /** Each may be repeated: a pause of a move is waited for. */
  async function insist(at: number, ...request: Parameters<Caller>) {
    for (let tries = 0; ; tries++) {
      const answer = await (callers[(at + tries) % callers.length] as Caller)(...request);
      if (answer.status !== 503) {
        acknowledged++;
        return answer;
      }
      await wait(20);
    }
  }
  async function work(): Promise<void> {
    for (let at = 0; !isOver; at++) {
      const living = [...log].filter(([, { states }]) => states.at(-1)?.version !== null);
      const [id, known] = living[at % Math.max(1, living.length)] ?? [];
      const name = `n${at}`;
      const began = now();
      if (id && known && at % 8 === 7) {
        const { status } = await insist(at, "DELETE", `/contacts/${id}`);
        // told twice where the first answer was a 503 that had been done
        expect([204, 404]).toContain(status);
        known.states.push({ began, ended: now(), version: null, name });
      } else if (id && known && at % 3 === 2) {
        const { status, body } = await insist(at, "PATCH", `/contacts/${id}`, { name });
        expect(status).toBe(200);
        known.states.push({ began, ended: now(), version: body.version, name });
      } else {
        const key = crypto.randomUUID();
        const { status, body } = await insist(at, "POST", "/contacts", { name }, { "idempotency-key": key });
        expect(status).toBe(201);
        const first = { began, ended: now(), version: body.version, name };
        log.set(body.id, { key, first: name, states: [first] });
      }
    }
  }
  const working = work();
  return {
    log,
    acknowledged: () => acknowledged,
    async stop() {
      isOver = true;
      await working;
    },
  };
}

/**
 * Of a backup that was asked for at `began` and done at `ended`: each record stands as it was at some moment between. `there`:
 * what came back, by id.
 */
export function expectOneMoment(
  { log }: LoggedWriter,
  there: ReadonlyMap<string, { version: number; name: string }>,
  { began, ended }: Pick<State, "began" | "ended">,
): void {
  for (const id of there.keys()) expect([id, log.has(id)]).toEqual([id, true]);
  for (const [id, { states }] of log) {
    const last = states.findLastIndex((state) => state.ended < began);
    const allowed = states.slice(Math.max(last, 0)).filter((state) => state.began <= ended);
    const found = there.get(id);
    const mayBeAbsent = last === -1 || allowed.some(({ version }) => version === null);
    if (!found) expect([id, "absent", mayBeAbsent]).toEqual([id, "absent", true]);
    else expect(allowed.map(({ version, name }) => ({ version, name }))).toContainEqual(found);
  }
}
