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
  /** what is wrong with each field of a form */
  errors?: readonly { field: string; message: string }[];
}

export type Answer<T> = { ok: true; value: T; headers: Headers } | { ok: false; problem: Problem };

type Successful = 200 | 201 | 202;
/** A route that answers in JSON and in other types, too, is asked for JSON. */
type BodyOf<R> =
  R extends ClientResponse<infer T, infer S, infer F>
    ? S extends 204
      ? undefined
      : F extends "json"
        ? S extends Successful
          ? Exclude<T, string | Response>
          : never
        : never
    : never;

/** The body of a successful answer, undefined where it has none, typed by the route, or why there is none. Never rejects. */
export async function answerOf<R extends ClientResponse<unknown, number, string>>(
  call: Promise<R>,
): Promise<Answer<BodyOf<R>>> {
  try {
    const answer = await call;
    if (answer.ok) {
      const value = (answer.status === 204 ? undefined : await answer.json()) as BodyOf<R>;
      return { ok: true, value, headers: answer.headers };
    }
    const said = (await answer.json().catch(() => ({}))) as Partial<Problem>;
    return {
      ok: false,
      problem: {
        status: answer.status,
        code: said.code ?? "unknown",
        detail: said.detail ?? `The API answered ${answer.status}.`,
        retryAfter: Number(answer.headers.get("retry-after")) || null,
        errors: said.errors ?? [],
      },
    };
  } catch {
    const detail = "The API did not answer. Is this machine online, and the API running?";
    return { ok: false, problem: { status: 0, code: "no_answer", detail, retryAfter: null } };
  }
}
