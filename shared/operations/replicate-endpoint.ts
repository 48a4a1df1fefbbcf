/** The edge function `replicate` without its environment: copies both ways, for as long as a function may run. */
import { carriesSecretKey } from "../http/secret-key.ts";
import type { BothReport } from "../replication/both-ways.ts";
import { addCounts } from "../replication/counts.ts";
import type { OpenCopy, OpenReplication } from "./open-replication.ts";
import { whileBusy } from "./while-busy.ts";

export interface ReplicateEndpointOptions {
  /** the project's secret keys, of which a caller must have one */
  keys: readonly string[];
  replication: Pick<OpenReplication, "source"> & { copy: Pick<OpenCopy, "run"> | undefined };
  /** no batch is begun after that time, in milliseconds; who is left is woken again while marks are pending */
  timeoutMs?: number;
  /** milliseconds, of any beginning */
  clock?: () => number;
  wait?: (ms: number) => Promise<void>;
  /** keeps the process alive for work behind the answer */
  waitUntil?: (work: Promise<unknown>) => void;
}

const TRIM_MS = 600_000;

export function createReplicateEndpoint(options: ReplicateEndpointOptions): (request: Request) => Promise<Response> {
  const {
    keys,
    replication,
    timeoutMs = 10_000,
    clock = () => performance.now(),
    wait,
    waitUntil = () => {},
  } = options;
  let trimmedAt = Number.NEGATIVE_INFINITY;
  return async (request) => {
    if (request.method !== "POST") return answer(405, { message: "Only POST is answered here." });
    if (!(await carriesSecretKey(request, keys))) return answer(401, { message: "The secret key is needed." });
    const { copy, source } = replication;
    if (!copy) return answer(200, { copied: 0, message: "No MongoDB is configured here, so there is no copy." });
    // whoever waits for an answer waits for what there is now, and not for as long as somebody stays
    const first = Promise.withResolvers<Awaited<ReturnType<OpenCopy["run"]>>>();
    const all = whileBusy({
      run: async (leftMs) => {
        const done = await copy.run(leftMs);
        first.resolve(done);
        return done;
      },
      isBusy: ({ copied, collected }) => copied + collected.sent + collected.merged > 0,
      add: together,
      attend: (ms) => source.attend(ms),
      ...{ timeoutMs, clock, wait },
    });
    waitUntil(all.catch(first.reject));
    const copied = await first.promise;
    if (copied.isErr()) return answer(503, { message: copied.error.message });
    if (clock() - trimmedAt > TRIM_MS) {
      trimmedAt = clock();
      await source.trim();
    }
    return answer(200, { ...copied.value });
  };
}

function together(one: BothReport, { collected: more, ...other }: BothReport): BothReport {
  const { collected, ...total } = structuredClone(one);
  addCounts(total, other);
  addCounts(collected, more);
  return { ...total, collected };
}

const answer = (status: number, body: object) => Response.json(body, { status });
