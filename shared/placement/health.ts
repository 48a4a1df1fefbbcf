/** Whether each database answers. Requests at the same time share one look, so health cannot be used to load them. */
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { deadlinesOf } from "../deadlines.ts";
import type { Database, Engine } from "../repository/database.ts";
import { within } from "../values/within.ts";
import type { DatabaseRow } from "./assignment.ts";
import { CONTROL_PLANE, titleOf, variableOf } from "./database-names.ts";
import { downReason } from "./down-reason.ts";
import type { RequestCalls } from "./service.ts";
import { isWriteRefusal, type WriteRefusal } from "./write-refusals.ts";

export interface DatabaseHealth {
  connected: boolean;
  /** null when it does not answer */
  latencyMs: number | null;
  /** why it does not answer, or what is wrong with it although it does */
  error: string | null;
  /** of one that answers, and takes no writes, or fewer: new users get another home */
  state?: WriteRefusal;
}

interface HomeHealth extends DatabaseHealth {
  name: string;
  kind: Engine;
}

export interface Health {
  status: "healthy" | "degraded" | "unhealthy";
  /** the two that every deployment had before there could be more */
  databases: {
    /** null: not configured */
    mongodb: DatabaseHealth | null;
    postgresql: DatabaseHealth;
    timestamp: string;
  };
  /** every database that is configured here, and every other one that takes users or has taken some */
  homes: HomeHealth[];
  message: string;
}

/** As much of a database as is looked at. */
type Probed = Pick<Database, "name" | "title" | "kind"> & { system: Pick<Database["system"], "probe"> };

export interface HealthOptions {
  databases: readonly Probed[];
  /** the control plane's list; without it, only those that are configured are known */
  rows?: () => Promise<Result<DatabaseRow[], RepositoryError>>;
  /** what a database has refused writes with lately, as far as it is known here */
  refusal?: (name: string) => RepositoryError | undefined;
  /** how long a database may take to answer */
  probeMs?: number;
  clock: () => number;
}

const CACHE_MS = 1_000;
const REFUSES: Readonly<Record<WriteRefusal, string>> = {
  storage_full: "is full and refuses writes: make room there, or buy more. New users get another home meanwhile.",
  throttled: "refuses calls, which are more than its provider's limit. New users get another home meanwhile.",
};
const UNKNOWN: DatabaseHealth = { connected: false, latencyMs: null, error: "Supabase is not configured." };

/** Answers soon after `probeMs`, whatever hangs. `onCall` is told how long each database took when it was looked at last. */
export function createHealth({
  databases,
  rows,
  refusal = () => undefined,
  probeMs = deadlinesOf().probeMs,
  clock,
}: HealthOptions): (onCall?: RequestCalls["onCall"]) => Promise<Health> {
  let last: { until: number; health: Promise<Health>; calls: [string, number][] } | undefined;

  const list = async (): Promise<readonly DatabaseRow[]> => {
    const listed = rows && (await within(probeMs, rows()).catch(() => undefined));
    return listed?.isOk() ? listed.value : [];
  };
  /** Users may be at home in one that nobody has configured here. */
  const unknown = (listed: readonly DatabaseRow[]): HomeHealth[] => {
    const used = listed.filter(({ accepting, opened_at }) => accepting || opened_at !== null);
    return used
      .filter(({ name }) => !databases.some((database) => database.name === name))
      .map(({ name, kind }) => {
        const error = `${titleOf(name)} is not configured here: set ${variableOf(name)}.`;
        return { name, kind, connected: false, latencyMs: null, error };
      });
  };

  const look = async (calls: [string, number][]): Promise<Health> => {
    const start = clock();
    const listing = list();
    const configured = await Promise.all(
      databases.map(async (database): Promise<HomeHealth> => {
        const found = await ask(database, probeMs, clock);
        calls.push([database.name, clock() - start]);
        return { name: database.name, kind: database.kind, ...found };
      }),
    );
    const listed = await listing;
    for (const home of configured) {
      // what another instance was told stands in the list
      const refuses = refusal(home.name)?.code ?? listed.find(({ name }) => name === home.name)?.refuses;
      if (!home.connected || home.error !== null || !refuses || !isWriteRefusal(refuses)) continue;
      home.state = refuses;
      home.error = `${titleOf(home.name)} ${REFUSES[refuses]}`;
    }
    const homes = [...configured, ...unknown(listed)];
    const errors = homes.flatMap(({ error }) => error ?? []);
    const entry = (name: string): DatabaseHealth | null => {
      const found = configured.find((home) => home.name === name);
      if (!found) return null;
      const { connected, latencyMs, error, state } = found;
      return { connected, latencyMs, error, ...(state && { state }) };
    };
    return {
      status: errors.length === 0 ? "healthy" : homes.some(({ connected }) => connected) ? "degraded" : "unhealthy",
      databases: {
        mongodb: entry("mongodb"),
        postgresql: entry(CONTROL_PLANE) ?? UNKNOWN,
        timestamp: new Date(clock()).toISOString(),
      },
      homes,
      message: errors.length === 0 ? "All databases answer." : errors.join(" "),
    };
  };

  const shared = () => {
    if (last && clock() < last.until) return last;
    const calls: [string, number][] = [];
    const mine = { until: Number.POSITIVE_INFINITY, health: look(calls), calls };
    last = mine;
    void mine.health.then(() => {
      mine.until = clock() + CACHE_MS;
    });
    return mine;
  };

  return async (onCall) => {
    const { health, calls } = shared();
    const found = await health;
    for (const [name, ms] of calls) onCall?.(name, ms);
    return found;
  };
}

async function ask({ title, system }: Probed, probeMs: number, clock: () => number): Promise<DatabaseHealth> {
  const start = clock();
  let failure: unknown;
  try {
    const answer = await within(probeMs, system.probe());
    if (answer?.isOk()) {
      const { value } = answer;
      const there = { connected: true, latencyMs: clock() - start };
      if (value === null || typeof value === "string") return { ...there, error: value };
      return { ...there, error: value.message, ...(isWriteRefusal(value.code) && { state: value.code }) };
    }
    failure = answer?.isErr() ? answer.error : undefined;
  } catch (error) {
    failure = error;
  }
  return { connected: false, latencyMs: null, error: downReason(title, failure) };
}
