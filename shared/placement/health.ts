/** Whether each database answers. Requests at the same time share one look, so health cannot be used to load them. */
import type { Result } from "neverthrow";

export interface Health {
  status: "healthy" | "degraded" | "unhealthy";
  databases: {
    /** null: not configured */
    mongodb: boolean | null;
    postgresql: boolean;
    timestamp: string;
  };
  message: string;
}

/** Answers ok when the database does; may hang or throw. */
export type Probe = () => Promise<Result<unknown, unknown>>;

export interface HealthOptions {
  supabase: Probe;
  mongodb: Probe | undefined;
  clock: () => number;
}

const PROBE_MS = 1_500;
const CACHE_MS = 1_000;

export function createHealth({ supabase, mongodb, clock }: HealthOptions): () => Promise<Health> {
  let last: { at: number; health: Promise<Health> } | undefined;

  const look = async (): Promise<Health> => {
    const [postgresql, mongo] = await Promise.all([answers(supabase), mongodb ? answers(mongodb) : null]);
    const states = [postgresql, ...(mongo === null ? [] : [mongo])];
    const status = states.every(Boolean) ? "healthy" : states.some(Boolean) ? "degraded" : "unhealthy";
    const down = [...(postgresql ? [] : ["Supabase"]), ...(mongo === false ? ["MongoDB"] : [])];
    return {
      status,
      databases: { mongodb: mongo, postgresql, timestamp: new Date(clock()).toISOString() },
      message:
        down.length === 0
          ? "All databases answer."
          : `${down.join(" and ")} ${down.length > 1 ? "do" : "does"} not answer.`,
    };
  };

  return () => {
    if (!last || clock() - last.at > CACHE_MS) last = { at: clock(), health: look() };
    return last.health;
  };
}

/** True when the probe answers well within `PROBE_MS`. */
async function answers(probe: Probe): Promise<boolean> {
  const answer = await within(
    PROBE_MS,
    probe().catch(() => undefined),
  );
  return answer?.isOk() ?? false;
}

/** What the promise gives, or undefined once the time is over. */
export function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
