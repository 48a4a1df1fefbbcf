/**
 * `Idempotency-Key`: the new record's id is made from the key (an HMAC of owner, route and key), and a hash of the body is
 * kept with the record, so a retry finds the record in whichever database it is, without a table of keys.
 */
import { ordered } from "../shared/values/json.ts";
import { isRawJSON } from "../shared/values/json-numbers.ts";
import { ProblemError } from "./_problem.ts";

export interface Idempotency {
  id: string;
  idempotencyHash: string;
}

const encoder = new TextEncoder();

/**
 * The secret that ids are made with. One that is configured is used as it is, so that retries are recognised by every version.
 * Without one it is derived from the project's secret key under a label of its own: what anybody learns of ids made from keys
 * of their own choice is then nothing about a signature, or whatever else that key may be asked for one day.
 */
export async function idempotencySecret(config: {
  IDEMPOTENCY_SECRET?: string | undefined;
  SUPABASE_SECRET_KEY: string;
}): Promise<string> {
  if (config.IDEMPOTENCY_SECRET !== undefined) return config.IDEMPOTENCY_SECRET;
  return hex(new Uint8Array(await hmac(config.SUPABASE_SECRET_KEY, "switchyard idempotency-key v1")));
}

/** Undefined without a key. Throws 400 for a malformed key and 422 for an id in the body beside it. */
export async function idempotencyOf(
  key: string | undefined,
  secret: string,
  owner: string,
  route: string,
  body: { id?: string | undefined },
): Promise<Idempotency | undefined> {
  if (key === undefined) return undefined;
  if (!/^[\x20-\x7e]{1,255}$/.test(key))
    throw new ProblemError({
      status: 400,
      code: "malformed",
      detail: "An Idempotency-Key has 1 to 255 printable ASCII characters.",
      errors: [{ field: "Idempotency-Key", code: "invalid_value", message: "Use a UUID, for example." }],
    });
  if (body.id !== undefined)
    throw new ProblemError({
      status: 422,
      code: "invalid_input",
      detail: "With an Idempotency-Key the id is made from the key.",
      errors: [{ field: "id", code: "not_allowed", message: "Leave out the id or the Idempotency-Key." }],
    });
  const mac = await hmac(secret, JSON.stringify([owner, route, key]));
  const hash = await crypto.subtle.digest("SHA-256", encoder.encode(canonicalJson(body)));
  return { id: uuidV8(new Uint8Array(mac)), idempotencyHash: hex(new Uint8Array(hash)) };
}

async function hmac(secret: string, text: string): Promise<ArrayBuffer> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
  return crypto.subtle.sign("HMAC", key, encoder.encode(text));
}

/** JSON with its keys in order: the same body in another order is the same body. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    // a number that no double holds is an object here, and prints as what it is
    inner !== null && typeof inner === "object" && !Array.isArray(inner) && !isRawJSON(inner)
      ? ordered(Object.entries(inner))
      : inner,
  );
}

/** RFC 9562, version 8: 122 bits of our own. */
function uuidV8(bytes: Uint8Array): string {
  const id = bytes.slice(0, 16);
  id[6] = ((id[6] ?? 0) & 0x0f) | 0x80;
  id[8] = ((id[8] ?? 0) & 0x3f) | 0x80;
  return hex(id).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
