/** The next version as an aggregation expression: what `nextVersion` computes, from the document's own version. */
import { type Document, Long } from "mongodb";

const MODULUS = Long.fromNumber(8);

/** `max(clock, previous + 1)`, rounded up to the site's last three bits. `previous` is an expression, by default the field. */
export function nextVersionOf(site: number, nowMs: number, previous: unknown = "$version"): Document {
  const least = { $max: [Long.fromNumber(Math.ceil(nowMs * 1000)), { $add: [previous, Long.fromNumber(1)] }] };
  const missing = { $subtract: [Long.fromNumber(site + 8), { $mod: [least, MODULUS] }] };
  return { $add: [least, { $mod: [missing, MODULUS] }] };
}
