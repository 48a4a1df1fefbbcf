/** The ways to a Supabase, failing as one: its REST and Auth, and, where the API speaks to Postgres itself, that one's own. */
import { pathVariables } from "../setup/path.ts";
import { startProxy, type TcpProxy } from "./proxy.ts";

export interface SupabaseProxy extends TcpProxy {
  /** what leads an API this way */
  environment(): Record<string, string>;
}

export async function startSupabaseProxy(
  { url, directUrl = "" }: { url: string; directUrl?: string },
  slowMs?: number,
): Promise<SupabaseProxy> {
  const calls: string[] = [];
  const rest = await startProxy(url, slowMs, calls);
  const direct = directUrl ? await startProxy(directUrl, slowMs, calls) : undefined;
  const both = direct ? [rest, direct] : [rest];
  const all = async (call: (proxy: TcpProxy) => Promise<void>) => {
    await Promise.all(both.map(call));
  };
  return {
    calls,
    get port() {
      return rest.port;
    },
    received: () => both.reduce((sum, proxy) => sum + proxy.received(), 0),
    set: (mode) => all((proxy) => proxy.set(mode)),
    // a call goes one way or the other
    loseAnswerTo: (call) => Promise.race(both.map((proxy) => proxy.loseAnswerTo(call))),
    hold(call) {
      const held = both.map((proxy) => proxy.hold(call));
      return {
        release() {
          for (const { release } of held) release();
        },
      };
    },
    environment() {
      const proxied = direct && Object.assign(new URL(directUrl), { host: `127.0.0.1:${direct.port}` }).href;
      return { SUPABASE_URL: `http://127.0.0.1:${rest.port}`, ...pathVariables({ directUrl: proxied }) };
    },
    stop: () => all((proxy) => proxy.stop()),
  };
}
