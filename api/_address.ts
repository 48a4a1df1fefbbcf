/**
 * Where a request comes from. Anybody may write `x-forwarded-for`, so only a header that the platform itself sets is believed:
 * Vercel's own, or the one that CLIENT_ADDRESS_HEADER names. Without one it is the other end of the connection.
 */
import type { Context } from "hono";
import ipaddr from "ipaddr.js";
import type { AppEnv } from "./_environment.ts";

const VERCELS = "x-vercel-forwarded-for";

/** The address, undefined when nobody says one. */
export function addressOf(c: Context<AppEnv>): string | undefined {
  const { CLIENT_ADDRESS_HEADER, VERCEL } = c.get("dependencies").config;
  const header = CLIENT_ADDRESS_HEADER ?? (VERCEL ? VERCELS : undefined);
  // of a list, what was added last is the platform's
  const said = header ? c.req.header(header)?.split(",").at(-1)?.trim() : socketOf(c.env);
  return said && ipaddr.isValid(said) ? ipaddr.process(said).toString() : undefined;
}

/** What is counted together: an IPv4 address, or the /64 of an IPv6 address, which is one customer's. */
export function countedAddress(address: string): string {
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  const [network] = [ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/64`)];
  return `${network.toString()}/64`;
}

/** As @hono/node-server hands it on. */
function socketOf(env: unknown): string | undefined {
  const { incoming } = (env ?? {}) as { incoming?: { socket?: { remoteAddress?: string } } };
  return incoming?.socket?.remoteAddress;
}
