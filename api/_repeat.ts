/** The record that a request makes again when it is repeated, by its `Idempotency-Key`. */
import type { Context } from "hono";
import type { AppEnv } from "./_environment.ts";
import { type Idempotency, idempotencyOf, idempotencySecret } from "./_idempotency.ts";

/** Undefined without a key. `route` is where the same key makes the same; throws as `idempotencyOf`. */
export async function repeatOf(
  c: Context<AppEnv>,
  route: string,
  body: { id?: string | undefined },
): Promise<Idempotency | undefined> {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return undefined;
  return idempotencyOf(key, await idempotencySecret(c.get("dependencies").config), c.get("user").id, route, body);
}
