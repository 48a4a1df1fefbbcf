/** The edge function `replicate` without its environment: copies both ways, for as long as a function may run. */
import { carriesSecretKey } from "../http/secret-key.ts";
import type { OpenReplication } from "./open-replication.ts";

export interface ReplicateEndpointOptions {
  /** the project's secret keys, of which a caller must have one */
  keys: readonly string[];
  replication: Pick<OpenReplication, "source" | "copy">;
  /** no batch is begun after that time, in milliseconds; who is left is woken again while marks are pending */
  timeoutMs?: number;
  /** milliseconds, of any beginning */
  clock?: () => number;
}

const TRIM_MS = 600_000;

export function createReplicateEndpoint(options: ReplicateEndpointOptions): (request: Request) => Promise<Response> {
  const { keys, replication, timeoutMs = 10_000, clock = () => performance.now() } = options;
  let trimmedAt = Number.NEGATIVE_INFINITY;
  return async (request) => {
    if (request.method !== "POST") return answer(405, { message: "Only POST is answered here." });
    if (!(await carriesSecretKey(request, keys))) return answer(401, { message: "The secret key is needed." });
    const { copy, source } = replication;
    if (!copy) return answer(200, { copied: 0, message: "No MongoDB is configured here, so there is no copy." });
    const copied = await copy.run(timeoutMs);
    if (copied.isErr()) return answer(503, { message: copied.error.message });
    if (clock() - trimmedAt > TRIM_MS) {
      trimmedAt = clock();
      await source.trim();
    }
    return answer(200, { ...copied.value });
  };
}

const answer = (status: number, body: object) => Response.json(body, { status });
