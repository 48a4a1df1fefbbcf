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
