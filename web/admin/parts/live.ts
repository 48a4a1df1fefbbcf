/** What a page shows, asked for again and again while somebody looks. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Answer, Problem } from "../../shared/api.ts";

const LIVE_MS = 5_000;

export interface Loaded<T> {
  /** the last that came; undefined: none yet */
  readonly value: T | undefined;
  /** why the last request had no value; what came before it is still shown */
  readonly problem: Problem | undefined;
  /** when the value came, in milliseconds since 1970 */
  readonly at: number | undefined;
  /** asks now */
  readonly again: () => Promise<void>;
}

/**
 * Loads at once, when `key` changes, and every `everyMs` after the last answer came; not while the page is hidden. Of another
 * `key` nothing is shown. `everyMs` of null: only when asked to, and as long as there was no answer.
 */
export function useLive<T>(key: string, load: () => Promise<Answer<T>>, everyMs: number | null = LIVE_MS): Loaded<T> {
  const [state, setState] = useState<{ key: string; value?: T; at?: number; problem?: Problem }>({ key });
  const latest = useRef({ key, load });
  /** requests sent, and the newest that was answered */
  const turns = useRef({ sent: 0, shown: 0 });
  latest.current = { key, load };
  const ask = useCallback(async (): Promise<boolean> => {
    const asked = latest.current;
    const turn = ++turns.current.sent;
    const answer = await asked.load();
    // the answer to a question that nobody asks any more, or to one from before a change whose outcome is shown already
    if (latest.current.key !== asked.key || turn < turns.current.shown) return true;
    turns.current.shown = turn;
    setState((before) =>
      answer.ok
        ? { key: asked.key, value: answer.value, at: Date.now() }
        : { ...(before.key === asked.key ? before : {}), key: asked.key, problem: answer.problem },
    );
    return answer.ok;
  }, []);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isAsking = false;
    let isOver = false;
    // until there is an answer it is asked for, however rarely another is wanted
    let isAnswered = false;
    /** null: not by itself */
    const nextMs = () => (isAnswered ? everyMs : Math.min(everyMs ?? LIVE_MS, LIVE_MS));
    const step = async () => {
      if (isAsking) return;
      clearTimeout(timer);
      isAsking = true;
      isAnswered = await ask();
      isAsking = false;
      const ms = nextMs();
      if (!isOver && !document.hidden && ms !== null) timer = setTimeout(step, ms);
    };
    const wake = () => {
      if (document.hidden) clearTimeout(timer);
      else if (nextMs() !== null) void step();
    };
    document.addEventListener("visibilitychange", wake);
    void step();
    return () => {
      isOver = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", wake);
    };
  }, [key, everyMs, ask]);
  const mine = state.key === key ? state : { key };
  return { value: mine.value, problem: mine.problem, at: mine.at, again: async () => void (await ask()) };
}
