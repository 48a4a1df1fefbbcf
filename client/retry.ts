/**
 * `fetch` that tries again what a server was too busy for. Not a library's retry: cockatiel, ky and p-retry wait on timers
 * that neither a test nor a progress bar can take the place of, and none knows which of these writes are safe.
 */

export interface RetryOptions {
  /** how often a request is sent at most; 5 */
  tries?: number;
  /** milliseconds that are waited at most, all waits of a request together; 20,000 */
  maxWaitMs?: number;
  /** told of each wait, in milliseconds; rejects once the signal is aborted */
  wait?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** milliseconds since 1970 */
  clock?: () => number;
  /** from 0 up to 1 */
  random?: () => number;
}

/** Requests of many clients that were refused together do not come back together: up to so much of the wait is added. */
const JITTER = 0.25;

/**
 * Sends requests with `send`. An answer 503 or 429 with `retry-after` (seconds or a date) is waited for and the request
 * sent again where that can do no harm: GET and HEAD, writes with an `Idempotency-Key`, and PATCH, PUT and DELETE with the
 * version that they are meant for in `If-Match`. When the tries are used up, or the wait would be longer than what is left
 * of `maxWaitMs`, the last answer is the answer. Requests that get none (`send` rejects) are not sent again.
 *
 * A 503 may come from a try that was done all the same, its answer having been too late. Then an `Idempotency-Key` makes
 * the second try answer as the first would have, but `If-Match` does not: an update answers 412 and a deletion 404. Read
 * the record again after these, as after any 412: what it holds says whether the change was made.
 *
 * The token that a request was made with is sent again, too. The signal of the request also ends a wait.
 */
export function retryingFetch(send: typeof fetch, options: RetryOptions = {}): typeof fetch {
  const { tries = 5, maxWaitMs = 20_000, wait = waitFor, clock = Date.now, random = Math.random } = options;
  return async (input, init) => {
    const request = input instanceof Request ? input : undefined;
    const signal = init?.signal ?? request?.signal;
    const isSafe = isRepeatable(request, init);
    let waited = 0;
    for (let made = 1; ; made++) {
      // a body is read by the first that sends it
      const answer = await send(isSafe && request && made < tries ? request.clone() : input, init);
      if (!isSafe || made >= tries || (answer.status !== 503 && answer.status !== 429)) return answer;
      const after = retryAfterMs(answer.headers.get("retry-after"), clock);
      if (after === undefined || waited + after > maxWaitMs) return answer;
      const ms = Math.min(after * (1 + JITTER * random()), maxWaitMs - waited);
      waited += ms;
      // its connection is free again while this one waits
      await answer.body?.cancel();
      await wait(ms, signal);
    }
  };
}

/** Whether a request that may have been done can be sent again, and its body be read again. */
function isRepeatable(request: Request | undefined, init: RequestInit | undefined): boolean {
  if (init?.body instanceof ReadableStream) return false;
  const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
  if (method === "GET" || method === "HEAD") return true;
  const headers = new Headers(init?.headers ?? request?.headers);
  if (headers.has("idempotency-key")) return true;
  const version = headers.get("if-match");
  // any version would match the record as somebody else has left it meanwhile
  return ["PATCH", "PUT", "DELETE"].includes(method) && version !== null && version.trim() !== "*";
}

/** Milliseconds from now; undefined when the header is missing or cannot be understood. */
function retryAfterMs(header: string | null, clock: () => number): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1_000;
  const until = Date.parse(header);
  return Number.isNaN(until) ? undefined : Math.max(0, until - clock());
}

function waitFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
