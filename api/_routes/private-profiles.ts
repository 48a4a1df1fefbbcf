/** What nobody but a user and the operator may know of them: how far they are identified, and their wallet. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { reasonHeader, rehearsalQuery } from "../_admin.ts";
import { body, json, problems } from "../_answers.ts";
import type { AppEnv } from "../_environment.ts";
import { callLedger, inUtc, rehearseLedger, type Typed } from "../_ledger.ts";
import { requireBody, requireUser } from "../_middleware.ts";
import { requireAdminOrRehearsal, requireViewer } from "../_operators.ts";
import { pathId } from "../_parameters.ts";
import { createRoutes } from "../_validation.ts";

const KYC = ["none", "pending", "verified", "rejected"] as const;
interface PrivateProfile {
  user_id: string;
  kyc_status: (typeof KYC)[number];
  wallet_address: string | null;
  updated_at: string | null;
}
const shown = z
  .object({
    user_id: z.uuid(),
    kyc_status: z.enum(KYC),
    wallet_address: z.string().nullable(),
    updated_at: z.iso.datetime().nullable().meta({ description: "null: never changed" }),
  })
  .meta({ id: "PrivateProfile" }) as unknown as Typed<PrivateProfile>;
const wallet = z
  .strictObject({
    wallet_address: z
      .string()
      .regex(/^[A-Za-z0-9:]{1,128}$/)
      .nullable(),
  })
  .meta({ id: "PrivateProfilePatch" }) as unknown as Typed<{ wallet_address: string | null }>;
const status = z.strictObject({ kyc_status: z.enum(KYC) }).meta({ id: "KycStatus" }) as unknown as Typed<{
  kyc_status: PrivateProfile["kyc_status"];
}>;
const params = z.object({ id: pathId("id", "UUID of the user") });
const own = { path: "/private-profile" as const, tags: ["account"], security: [{ bearer: [] }] };
const other = { path: "/admin/private-profiles/{id}" as const, tags: ["admin"], security: [{ bearer: [] }] };

const routes = {
  get: createRoute({
    ...own,
    method: "get",
    summary: "Read what only oneself and the operator may know",
    middleware: requireUser,
    responses: { 200: json(shown, "the private profile"), ...problems(401, 404, 503) },
  }),
  change: createRoute({
    ...own,
    method: "patch",
    summary: "Name one's wallet; null: none any more",
    middleware: [requireUser, requireBody] as const,
    request: { body: body(wallet) },
    responses: { 200: json(shown, "as it is now"), ...problems(400, 401, 404, 413, 415, 422, 503) },
  }),
  look: createRoute({
    ...other,
    method: "get",
    summary: "Read a user's private profile",
    middleware: [requireUser, requireViewer] as const,
    request: { params },
    responses: { 200: json(shown, "the private profile"), ...problems(400, 401, 403, 404, 503) },
  }),
  decide: createRoute({
    ...other,
    method: "put",
    summary: "Say how far a user is identified",
    middleware: [requireUser, requireAdminOrRehearsal, requireBody] as const,
    request: { params, query: rehearsalQuery, body: body(status), headers: reasonHeader },
    responses: {
      200: json(shown, "as it is now; with dry_run=true: as it would be"),
      ...problems(400, 401, 403, 404, 413, 415, 422, 503),
    },
  }),
};

const read = (c: Context<AppEnv>, userId: string) =>
  callLedger<PrivateProfile>(c, "read", "private_profile", { p_user_id: userId });

export const privateProfileRoutes = () =>
  createRoutes()
    .openapi(routes.get, async (c) => c.json(inUtc(await read(c, c.var.user.id)), 200))
    .openapi(routes.change, async (c) => {
      const wanted = { p_user_id: c.var.user.id, p_wallet_address: c.req.valid("json").wallet_address };
      return c.json(inUtc(await callLedger<PrivateProfile>(c, "write", "private_profile_set_wallet", wanted)), 200);
    })
    .openapi(routes.look, async (c) => c.json(inUtc(await read(c, c.req.valid("param").id)), 200))
    .openapi(routes.decide, async (c) => {
      const wanted = { p_user_id: c.req.valid("param").id, p_status: c.req.valid("json").kyc_status };
      const decided = { ...wanted, p_actor: c.var.user.id };
      if (c.req.valid("query").dry_run === "true") {
        const { result } = await rehearseLedger<PrivateProfile>(c, "private_profile_set_kyc", decided);
        return c.json(inUtc(result), 200);
      }
      return c.json(inUtc(await callLedger<PrivateProfile>(c, "write", "private_profile_set_kyc", decided)), 200);
    });
