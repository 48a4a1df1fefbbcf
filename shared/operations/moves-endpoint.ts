/** The edge function `moves` without its environment: makes the steps of moves that are due, for as long as a function may run. */
import { carriesSecretKey } from "../http/secret-key.ts";
import { type RunMovesOptions, runMoves } from "../moves/worker.ts";

export interface MovesEndpointOptions extends RunMovesOptions {
  /** the project's secret keys, of which a caller must have one */
  keys: readonly string[];
  /** no step is begun after that time, in milliseconds; what is left is woken again */
  timeoutMs?: number;
}

export function createMovesEndpoint(options: MovesEndpointOptions): (request: Request) => Promise<Response> {
  const { keys, timeoutMs = 20_000, clock = () => performance.now() } = options;
  return async (request) => {
    if (request.method !== "POST") return answer(405, { message: "Only POST is answered here." });
    if (!(await carriesSecretKey(request, keys))) return answer(401, { message: "The secret key is needed." });
    const until = clock() + timeoutMs;
    const steps = await runMoves({ ...options, isOver: () => clock() > until });
    return steps.match(
      (made) => answer(200, { steps: made }),
      ({ message }) => answer(503, { message }),
    );
  };
}

const answer = (status: number, body: Record<string, unknown>) => Response.json(body, { status });
