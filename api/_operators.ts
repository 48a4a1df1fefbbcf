/** Who may use what stands under `/api/admin`. Behind `requireUser`. */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { audited } from "./_audit.ts";
import type { AppEnv } from "./_environment.ts";
import { ProblemError } from "./_problem.ts";

const forbidden = (detail: string) => new ProblemError({ status: 403, code: "forbidden", detail });

function refuseOthers(c: Context<AppEnv>, wants: "look" | "change"): void {
  const { role, needsMfa } = c.get("user");
  if (role === null) throw forbidden(wants === "look" ? "This is for admins and viewers." : "This is for admins.");
  if (wants === "change" && role !== "admin")
    throw forbidden("Viewers see what admins see, and change nothing: this is for admins.");
  if (needsMfa)
    throw new ProblemError({
      status: 403,
      code: "mfa_required",
      detail: `This is for ${role}s who have signed in with a second factor (aal2). Verify one, and try again.`,
    });
}

/** Of what is only read: viewers and admins. */
export const requireViewer = createMiddleware<AppEnv>(async (c, next) => {
  refuseOthers(c, "look");
  await next();
});

/** Of every change: admins, and who it was stands in the audit before it is made. */
export const requireAdmin = createMiddleware<AppEnv>(async (c, next) => {
  refuseOthers(c, "change");
  await audited(c, next);
});

/** Of a change that can be asked for first (`?dry_run=true`, which the handler has to look at): as `requireAdmin` otherwise. */
export const requireAdminOrRehearsal = createMiddleware<AppEnv>(async (c, next) => {
  refuseOthers(c, "change");
  await (c.req.query("dry_run") === "true" ? next() : audited(c, next));
});
