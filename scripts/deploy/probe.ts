/** Looks at a deployed version from outside, as its users do. */
import { createClient } from "@supabase/supabase-js";
import { z } from "zod";
import { type Environment, loadApiConfig } from "../../shared/config.ts";

const ASK_MS = 15_000;
/** What the build leaves among the static files. */
export const STAMP = "deployment.json";
const stampSchema = z.object({ id: z.string(), revision: z.string() });
export type Stamp = z.infer<typeof stampSchema>;

export interface Seen {
  ok: boolean;
  ms: number;
  /** in words, of what is not ok */
  says: string;
}
export interface Probe {
  /** which deployment answers there; null: one that carries no stamp; undefined: none answers */
  stamp(url: string): Promise<Stamp | null | undefined>;
  /** what its health says of itself; null: it does not answer */
  health(url: string): Promise<{ status: "healthy" | "degraded" | "unhealthy"; message: string } | null>;
  /** one look: health, and a signed-in read where there is somebody to sign in as */
  look(url: string): Promise<Seen>;
  /** the share of requests that ended in 5xx, and how many there were, since then; null: it may not be seen */
  errors(url: string, since: Date): Promise<{ requests: number; errors: number } | null>;
}

export function createProbe(env: Environment, ask: typeof fetch = fetch): Probe {
  let token: { value: string; until: number } | undefined;
  const bypass = env.VERCEL_AUTOMATION_BYPASS_SECRET;
  const get = (url: string, path: string, headers: Record<string, string> = {}) =>
    ask(new URL(path, url), {
      headers: { ...headers, ...(bypass && { "x-vercel-protection-bypass": bypass }) },
      // a page that asks to sign in to Vercel is no answer of the application
      redirect: "manual",
      signal: AbortSignal.timeout(ASK_MS),
    });
  const bearer = async (): Promise<Record<string, string> | undefined> => {
    if (!env.SMOKE_EMAIL || !env.SMOKE_PASSWORD) return undefined;
    if (token === undefined || token.until < Date.now()) token = await signIn(env);
    return { authorization: `Bearer ${token.value}` };
  };
  return {
    async stamp(url) {
      try {
        const answer = await get(url, `/${STAMP}?${Date.now()}`);
        if (answer.status >= 500) return undefined;
        return stampSchema.safeParse(await answer.json().catch(() => null)).data ?? null;
      } catch {
        return undefined;
      }
    },
    async health(url) {
      try {
        return healthSchema.parse(await (await get(url, "/api/health")).json());
      } catch {
        return null;
      }
    },
    async look(url) {
      const begun = performance.now();
      const seen = (says: string): Seen => ({ ok: says === "", ms: performance.now() - begun, says });
      try {
        const health = await get(url, "/api/health");
        if (isProtected(health))
          return seen("Vercel asks to sign in: set VERCEL_AUTOMATION_BYPASS_SECRET (Deployment Protection)");
        if (health.status !== 200) return seen(`/api/health answers ${health.status}: ${await messageOf(health)}`);
        await health.body?.cancel();
        const headers = await bearer();
        if (!headers) return seen("");
        const me = await get(url, "/api/me", headers);
        await me.body?.cancel();
        return seen(me.status === 200 ? "" : `/api/me answers ${me.status} to ${env.SMOKE_EMAIL}`);
      } catch (error) {
        return seen(`does not answer: ${(error as Error).cause ?? (error as Error).message}`);
      }
    },
    async errors(url, since) {
      try {
        const headers = await bearer();
        if (!headers) return null;
        const answer = await get(url, `/api/admin/metrics?since=${encodeURIComponent(since.toISOString())}`, headers);
        if (answer.status !== 200) return null;
        const points = metricsSchema.parse(await answer.json()).series?.points;
        if (points === undefined) return null;
        const sum = (of: "requests" | "errors") => points.reduce((all, point) => all + point[of], 0);
        return { requests: sum("requests"), errors: sum("errors") };
      } catch {
        return null;
      }
    },
  };
}

const healthSchema = z.object({ status: z.enum(["healthy", "degraded", "unhealthy"]), message: z.string() });
const metricsSchema = z.object({
  series: z.object({ points: z.array(z.object({ requests: z.number(), errors: z.number() })) }).nullable(),
});

const isProtected = (answer: Response) =>
  answer.headers.has("x-vercel-sso-nonce") || (answer.status >= 300 && answer.status < 400) || answer.status === 401;

async function messageOf(answer: Response): Promise<string> {
  const parsed = z.object({ message: z.string() }).safeParse(await answer.json().catch(() => null));
  return parsed.success ? parsed.data.message : "no word of why";
}

/** A session of its own, which ends with its token. */
async function signIn(env: Environment): Promise<{ value: string; until: number }> {
  const { SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY } = loadApiConfig(env);
  const { auth } = createClient(SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const { data, error } = await auth.signInWithPassword({
    email: env.SMOKE_EMAIL ?? "",
    password: env.SMOKE_PASSWORD ?? "",
  });
  if (error || !data.session) throw new Error(`the sign-in as ${env.SMOKE_EMAIL} is refused: ${error?.message}`);
  const seconds = data.session.expires_in;
  return { value: data.session.access_token, until: Date.now() + (seconds / 2) * 1_000 };
}
