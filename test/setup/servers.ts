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

/** The Redis that was given. */
export function redisUrl(): string {
  const { redisUrl: url } = servers();
  if (!url) throw new Error("npm run test:servers needs REDIS_URL, the URL of a redis-server on this machine.");
  return url;
}
