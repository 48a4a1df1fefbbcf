/** What the routes of operators have in common: who may, the call of a function of the control plane, and rehearsals. */
import type { Context } from "hono";
import { z } from "zod";
import { json, problems } from "./_answers.ts";
import type { AppEnv } from "./_environment.ts";
import type { Typed } from "./_ledger.ts";
import { requireBody, requireUser } from "./_middleware.ts";
import { requireAdminOrRehearsal, requireViewer } from "./_operators.ts";
import { callsOf, unwrap } from "./_service.ts";

const common = { tags: ["admin"], security: [{ bearer: [] }] };
/** Of a route that only reads. */
export const looking = {
  ...common,
  method: "get" as const,
  middleware: [requireUser, requireViewer] as [typeof requireUser, typeof requireViewer],
};
/** Of a change without a body, which can be asked for first. */
export const settling = {
  ...common,
  middleware: [requireUser, requireAdminOrRehearsal] as [typeof requireUser, typeof requireAdminOrRehearsal],
};
/** Of a change with a body, which can be asked for first. */
export const changing = {
  ...common,
  middleware: [requireUser, requireAdminOrRehearsal, requireBody] as [
    typeof requireUser,
    typeof requireAdminOrRehearsal,
    typeof requireBody,
  ],
};
export const lookingRefusals = problems(400, 401, 403, 503);

export const instant = z.iso.datetime();
export const count = z.int().min(0);
/** Why, in the audit's words. */
export const reason = z
  .string()
  .min(1)
  .max(500)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no NUL, which Postgres cannot store
  .regex(/^[^\u0000]*$/)
  .meta({ description: "why: it stands in the audit" });

/** The same, of every change: what a body says goes before it. */
export const reasonHeader = z.object({
  "x-reason": z.string().optional().meta({
    description:
      "why, where the body does not say it: it stands in the audit, its first 500 characters; percent-encoded UTF-8",
    type: "string",
  }),
});

export const rehearsalQuery = z.object({
  dry_run: z
    .enum(["true", "false"])
    .default("false")
    .meta({ description: "true: nothing is changed, and the answer is 200 with what would be" }),
});
interface Rehearsal {
  count: number;
  refused: { user_id: string; refused: string }[];
}
const rehearsalSchema = z
  .object({
    count: count.meta({ description: "how many it would change" }),
    refused: z
      .array(z.object({ user_id: z.uuid(), refused: z.string() }))
      .meta({ description: "users with whom nothing would be done, and why" }),
  })
  .meta({ id: "Rehearsal" }) as unknown as Typed<Rehearsal>;
export const rehearsed = json(rehearsalSchema, "with dry_run=true: what it would change");

/** As `switchyard_preview_moves` answers. */
export function rehearsalOf(found: readonly { user_id: string; refused: string | null }[]): Rehearsal {
  const refused = found.flatMap(({ user_id, refused: why }) => (why === null ? [] : [{ user_id, refused: why }]));
  return { count: found.length - refused.length, refused };
}

/** One of the control plane's functions; `write` also wakes whoever copies. */
export const callControl = async <T>(
  c: Context<AppEnv>,
  does: "read" | "write",
  name: string,
  parameters: object = {},
): Promise<T> => unwrap(await c.get("dependencies").router.control<T>(does, name, parameters, callsOf(c)));

/** As Postgres writes it: null stays null. */
export const utc = (at: string): string => new Date(at).toISOString();
export const utcOrNull = (at: string | null): string | null => (at === null ? null : utc(at));

/** Behind which row a page begins, where two rows may be of one time: `<microseconds>_<id>`. */
export const PLACE = /^(\d{1,16})_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
