/** The API as the pages call it: typed, with the token of who is signed in. */
import type { ClientResponse } from "hono/client";
import { createSwitchyardClient } from "../../client/index.ts";
import { accessToken } from "./session.ts";

/** Sends each request once: whoever asks decides whether to ask again. */
export const api = createSwitchyardClient({ url: location.origin, getToken: accessToken, retry: false });

/** What the API refuses: an RFC 9457 problem, as much of it as a page shows. */
export interface Problem {
  /** 0: no answer at all */
  status: number;
  code: string;
  detail: string;
  /** seconds until it may be worth asking again */
  retryAfter: number | null;
}

export type Answer<T> = { ok: true; value: T; headers: Headers } | { ok: false; problem: Problem };

type Successful = 200 | 201 | 202;
/** A route that answers in JSON and in other types, too, is asked for JSON. */
type BodyOf<R> =
  R extends ClientResponse<infer T, infer S, "json">
    ? S extends Successful
      ? Exclude<T, string | Response>
      : never
    : never;

/** The body of a successful answer, typed by the route, or why there is none. Never rejects. */
export async function answerOf<R extends ClientResponse<unknown, number, string>>(
  call: Promise<R>,
): Promise<Answer<BodyOf<R>>> {
  try {
    const answer = await call;
    if (answer.ok) return { ok: true, value: (await answer.json()) as BodyOf<R>, headers: answer.headers };
    const said = (await answer.json().catch(() => ({}))) as Partial<Problem>;
    return {
      ok: false,
      problem: {
        status: answer.status,
        code: said.code ?? "unknown",
        detail: said.detail ?? `The API answered ${answer.status}.`,
        retryAfter: Number(answer.headers.get("retry-after")) || null,
      },
    };
  } catch {
    const detail = "The API did not answer. Is this machine online, and the API running?";
    return { ok: false, problem: { status: 0, code: "no_answer", detail, retryAfter: null } };
  }
}
