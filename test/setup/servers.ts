/** The servers that the run has started, for test files. */
import { inject } from "vitest";
import type { Servers } from "./global.ts";

export const servers = (): Servers => inject("servers");

/** The URI of the shared MongoDB server with another database, for a file that needs one for itself. */
export function mongoUriFor(database: string): string {
  const url = new URL(servers().mongoUri);
  url.pathname = `/${database}`;
  return url.toString();
}

/** Of the given Redis, a database for each file: a new generation for everybody in one would empty the other's cache. */
const REDIS_DATABASES = { redis: 1, dashboard: 2, doctor: 3, start: 4 } as const;
type RedisUser = keyof typeof REDIS_DATABASES;

/** The Redis that was given, or a proxy before it. */
export function redisUrl(user: RedisUser, proxy?: { readonly port: number }): string {
  const { redisUrl: given } = servers();
  if (!given) throw new Error("npm run test:servers needs REDIS_URL, the URL of a redis-server on this machine.");
  const url = new URL(given);
  if (proxy) url.host = `127.0.0.1:${proxy.port}`;
  url.pathname = `/${REDIS_DATABASES[user]}`;
  return url.toString();
}
