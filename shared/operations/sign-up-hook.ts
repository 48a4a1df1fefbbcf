/**
 * The hook that Supabase Auth calls before it creates a user. It has one job that the trigger cannot do: to refuse, with
 * words that a person understands, when no database can take the user. It changes nothing but the reported health of
 * the databases, so a repeated call does no harm, and where it does not know, the sign-up goes on: the trigger decides.
 *
 * Auth waits 5 s for all its tries together and turns every answer but 200 into a bare 500, so this answers within 2 s
 * whatever hangs, and refuses with status 200 and an `error`.
 */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { deadlinesOf } from "../deadlines.ts";
import { readLimited } from "../http/limited-body.ts";
import type { Log } from "../log.ts";
import { downReason } from "../placement/down-reason.ts";
import type { Probe } from "../placement/probes.ts";
import { within } from "../placement/within.ts";

export interface SignUpHookOptions {
  /** throws, or returns false, unless the body is signed by Auth, and lately */
  verify: (body: string, headers: Record<string, string>) => unknown;
  /** the databases that can be asked, by name */
  probes: Readonly<Record<string, Probe>>;
  report: (name: string, healthy: boolean, error: string | null) => Promise<unknown>;
  /** whether a sign-up would find a home */
  canPlace: () => Promise<Result<boolean, RepositoryError>>;
  clock: () => number;
  log: Log;
  probeMs?: number;
  /** longest time for everything */
  totalMs?: number;
  /** how long probes are believed */
  cacheMs?: number;
}

const MAX_BYTES = 256 * 1024;
const REFUSAL = {
  error: { http_code: 503, message: "We cannot take new sign-ups at the moment. Please try again in a few minutes." },
};

/** Answers one call of the hook. */
export function createSignUpHook(options: SignUpHookOptions): (request: Request) => Promise<Response> {
  const { verify, canPlace, log, totalMs = deadlinesOf().hookMs } = options;
  const look = createLook(options);

  return async (request) => {
    if (request.method !== "POST") return problem(405, "Only POST is answered here.", { allow: "POST" });
    const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
    if (type !== "application/json") return problem(415, "The body must be application/json.");
    const body = await readLimited(request, MAX_BYTES);
    if (body === undefined) return problem(413, "The body is too large.");
    if (!isSigned(verify, body, request.headers)) {
      log.warn("sign_up_hook_unsigned");
      return problem(401, "The signature is missing, wrong or too old.");
    }
    const decide = async () => {
      await look();
      const placeable = await canPlace();
      return placeable.isOk() ? placeable.value : placeable.error.message;
    };
    const answer = await within(totalMs, decide()).catch((error) => {
      log.error("sign_up_hook_failed", { error });
      return undefined;
    });
    if (answer === false) {
      log.warn("sign_up_refused", { reason: "no database can take new users" });
      return Response.json(REFUSAL);
    }
    if (answer !== true) log.warn("sign_up_unchecked", { reason: answer ?? "no answer in time" });
    return Response.json({});
  };
}

function isSigned(verify: SignUpHookOptions["verify"], body: string, headers: Headers): boolean {
  try {
    return verify(body, Object.fromEntries(headers)) !== false;
  } catch {
    return false;
  }
}

const problem = (status: number, message: string, headers: Record<string, string> = {}) =>
  Response.json({ error: { http_code: status, message } }, { status, headers });

/** Probes all databases at once and reports how they are; calls at the same time, and for a while after, share a look. */
function createLook({
  probes,
  report,
  clock,
  probeMs = deadlinesOf().hookProbeMs,
  cacheMs = 3_000,
}: SignUpHookOptions): () => Promise<void> {
  let last: { until: number; done: Promise<void> } | undefined;
  const one = async (name: string, probe: Probe) => {
    let failure: unknown;
    let healthy = false;
    try {
      const answer = await within(probeMs, probe());
      healthy = answer?.isOk() ?? false;
      failure = answer?.isErr() ? answer.error : undefined;
    } catch (error) {
      failure = error;
    }
    // without Supabase the report gets lost, too, and then there is no sign-up either
    await report(name, healthy, healthy ? null : downReason("The database", failure)).catch(() => undefined);
  };
  return () => {
    if (last && clock() < last.until) return last.done;
    const mine = {
      until: Number.POSITIVE_INFINITY,
      done: Promise.all(Object.entries(probes).map(([name, probe]) => one(name, probe))).then(() => undefined),
    };
    last = mine;
    // a report that hangs is not waited for by the sign-ups that follow
    mine.until = clock() + cacheMs;
    return mine.done;
  };
}
