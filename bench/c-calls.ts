/** (c) Calls of a request, counted on the wire. Their number is decided by test/integration/calls-per-request.test.ts. */
import { startCountedApi } from "../test/integration/calls-per-request.ts";
import type { Bench } from "./environment.ts";
import type { Lines } from "./lines.ts";

export async function calls(bench: Bench, lines: Lines): Promise<void> {
  const api = await startCountedApi(bench.supabase, bench.mongoUri);
  try {
    for (const home of ["supabase", "mongodb"] as const) {
      const counted = await api.countFor(await bench.user(home));
      for (const [request, made] of Object.entries(counted)) {
        const other = made[home === "supabase" ? "mongodb" : "supabase"].length;
        const bar = home === "supabase" ? 1 : allowed(request);
        const detail = `${made[home].length} (${made[home].join(", ")}), ${other} in the other database, bar ${bar} and 0`;
        lines.holds(`${home} ${request}`, detail, made[home].length <= bar && other === 0);
      }
    }
  } finally {
    await api.stop();
  }
}

/** In MongoDB: a touch of each parent and a commit where references are set, a look and a commit of a deletion. */
const allowed = (request: string): number => (/^delete|with a reference|sets a reference/.test(request) ? 3 : 1);
