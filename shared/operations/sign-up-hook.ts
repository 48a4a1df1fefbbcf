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
import { CONTROL_PLANE } from "../placement/database-names.ts";
import { downReason } from "../placement/down-reason.ts";
import type { Database } from "../repository/database.ts";
import { within } from "../values/within.ts";

/** Ok when the database answers, with what is wrong with it nevertheless, in words, or null; may hang or throw. */
export type Probe = Database["system"]["probe"];

export interface HealthReport {
  name: string;
  healthy: boolean;
  error: string | null;
  /** of the whole database, where it was measured */
  bytes?: number;
  /** how long it took to answer; of Supabase, to take the last report */
  latency_ms?: number;
}

type Answer = Promise<Result<boolean, RepositoryError>>;

/** What Auth says of a sign-up; a call that it repeats has the same id. */
export interface SignUp {
  id: string;
  address: string;
}

export interface SignUpHookOptions {
  /** throws, or returns false, unless the body is signed by Auth, and lately */
  verify: (body: string, headers: Record<string, string>) => unknown;
  /** how each home beside Supabase is asked, by name: one that is not here counts as down */
  probes: Readonly<Record<string, Probe>>;
  /** how large each is, in bytes, or null; asked about once a minute, and may hang or throw */
  sizes?: Readonly<Record<string, Database["system"]["size"]>>;
  /** stores how all of them are, and says whether a sign-up would find a home */
  report: (reports: readonly HealthReport[]) => Answer;
  /** whether a sign-up would find a home, by what was reported before */
  canPlace: () => Answer;
  /** counts this sign-up, and says whether its address has not had too many; without it they are not counted */
  count?: (signUp: SignUp) => Answer;
  clock: () => number;
  log: Log;
  probeMs?: number;
  /** longest time for everything */
  totalMs?: number;
  /** how long probes are believed */
  cacheMs?: number;
}

const MAX_BYTES = 256 * 1024;
const SIZES_MS = 60_000;
const TOO_MANY = {
  error: { http_code: 429, message: "Too many sign-ups from this network. Please try again in an hour." },
};
const REFUSAL = {
  error: { http_code: 503, message: "We cannot take new sign-ups at the moment. Please try again in a few minutes." },
};

/** Answers one call of the hook. */
export function createSignUpHook(options: SignUpHookOptions): (request: Request) => Promise<Response> {
  const { verify, log, count, totalMs = deadlinesOf().hookMs } = options;
  const ask = createLook(options);

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
      const signUp = signUpIn(body);
      // who is refused for that has not cost a look at the databases
      const counted = signUp && count ? await count(signUp) : undefined;
      if (counted?.isOk() && !counted.value) return "too many" as const;
      const placeable = await ask();
      return placeable.isOk() ? placeable.value : placeable.error.message;
    };
    const answer = await within(totalMs, decide()).catch((error) => {
      log.error("sign_up_hook_failed", { error });
      return undefined;
    });
    if (answer === "too many") {
      log.warn("sign_up_refused", { reason: "too many from one network within an hour" });
      return Response.json(TOO_MANY);
    }
    if (answer === false) {
      log.warn("sign_up_refused", { reason: "no database can take new users" });
      return Response.json(REFUSAL);
    }
    if (answer !== true) log.warn("sign_up_unchecked", { reason: answer ?? "no answer in time" });
    return Response.json({});
  };
}

/** Undefined when the body does not say it. */
function signUpIn(body: string): SignUp | undefined {
  try {
    const { uuid: id, ip_address: address } =
      (JSON.parse(body) as { metadata?: Record<string, unknown> }).metadata ?? {};
    return typeof id === "string" && typeof address === "string" && address !== "" ? { id, address } : undefined;
  } catch {
    return undefined;
  }
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

/**
 * Probes all databases at once, reports how they are and hears whether there is a place. Calls at the same time, and for a
 * while after, share the look and ask for a place only.
 */
function createLook({
  probes,
  sizes = {},
  report,
  canPlace,
  clock,
  probeMs = deadlinesOf().hookProbeMs,
  cacheMs = 3_000,
}: SignUpHookOptions): () => Answer {
  let last: { until: number; done: Promise<unknown> } | undefined;
  let sizedAt = Number.NEGATIVE_INFINITY;
  let reportMs: number | undefined;
  /** One that cannot be measured in time keeps the size that it had. */
  const sizeOf = async (name: string): Promise<number | null> => {
    try {
      return (await within(probeMs, sizes[name]?.() ?? Promise.resolve(null))) ?? null;
    } catch {
      return null;
    }
  };
  const one = async (name: string, probe: Probe): Promise<HealthReport> => {
    const start = clock();
    let failure: unknown;
    try {
      const answer = await within(probeMs, probe());
      // one that answers, and is not prepared, takes nobody
      if (answer?.isOk()) {
        const { value } = answer;
        return {
          name,
          healthy: value === null,
          error: value !== null && typeof value === "object" ? value.message : value,
          ...(value === null && { latency_ms: Math.max(0, clock() - start) }),
        };
      }
      failure = answer?.isErr() ? answer.error : undefined;
    } catch (error) {
      failure = error;
    }
    return { name, healthy: false, error: downReason("The database", failure) };
  };
  const look = async () => {
    const isDue = !(Math.abs(clock() - sizedAt) <= SIZES_MS);
    if (isDue) sizedAt = clock();
    const found = await Promise.all(
      Object.entries(probes).map(async ([name, probe]) => {
        const [health, bytes] = await Promise.all([one(name, probe), isDue ? sizeOf(name) : null]);
        return bytes === null ? health : { ...health, bytes };
      }),
    );
    // Supabase takes the report: one that arrives shows that it is up, where a probe that was slow would say that it is
    // down, and with it every home; and without it there is no sign-up either
    const start = clock();
    const answer = await report([
      { name: CONTROL_PLANE, healthy: true, error: null, ...(reportMs !== undefined && { latency_ms: reportMs }) },
      ...found,
    ]);
    if (answer.isOk()) reportMs = Math.max(0, clock() - start);
    return answer;
  };
  return async () => {
    if (last && clock() < last.until) {
      await last.done;
      return canPlace();
    }
    const answer = look();
    // a report that hangs is not waited for by the sign-ups that come later; one that fails is the first one's to say
    last = { until: clock() + cacheMs, done: answer.catch(() => undefined) };
    return answer;
  };
}
