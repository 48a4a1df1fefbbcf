/** `/activity`: what the user has done through the API. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { mongoCollections } from "../../shared/collections/index.ts";
import { invalid } from "../../shared/contract/errors.ts";
import { json, problems } from "../_answers.ts";
import { requireUser } from "../_middleware.ts";
import { queryParameters } from "../_parameters.ts";
import { repositoryProblem } from "../_problem.ts";
import { queryOf, repositoryOf, unwrap } from "../_service.ts";
import { createRoutes } from "../_validation.ts";

const { activity_logs: collection } = mongoCollections;
const PARAMETERS = ["limit", "cursor", "action", "at[gte]", "at[gt]", "at[lte]", "at[lt]"] as const;

const entrySchema = z
  .object({
    id: z.uuid(),
    action: z.string().meta({ examples: ["PATCH /api/expenses/{id}"] }),
    at: z.iso.datetime(),
    resource_ids: z.array(z.string()).meta({ description: "of what was changed; of a batch the first 20" }),
    request_id: z.string().nullable(),
    home: z.string().nullable().meta({ description: "where the user's records lived then" }),
    address: z.string().nullable().meta({ description: "where the request came from, as the platform says" }),
  })
  .meta({ id: "ActivityEntry" });

const all = queryParameters(collection as never, "list").shape;
const query = z.looseObject(Object.fromEntries(PARAMETERS.map((name) => [name, all[name]]))) as unknown as ReturnType<
  typeof queryParameters
>;

const list = createRoute({
  method: "get",
  path: "/activity",
  tags: ["account"],
  summary: "What one has changed in the last 90 days, the newest first",
  description:
    "One entry for each successful change through this API, written behind its answer: it may take a moment to be here, " +
    "and is missing where MongoDB did not answer then. 503 while MongoDB does not answer, or is not configured.",
  security: [{ bearer: [] }],
  middleware: requireUser,
  request: { query },
  responses: {
    200: json(
      z.object({ items: z.array(entrySchema), next_cursor: z.string().nullable() }).meta({ id: "ActivityPage" }),
      "a page",
    ),
    ...problems(400, 401, 503),
  },
});

export const activityRoutes = () =>
  createRoutes().openapi(list, async (c) => {
    const others = Object.keys(c.req.queries()).filter((name) => !(PARAMETERS as readonly string[]).includes(name));
    if (others.length > 0)
      throw repositoryProblem(
        invalid(
          "invalid_query",
          "The query cannot be understood.",
          others.map((field) => ({
            field,
            code: "unknown_parameter",
            message: `There is no parameter ${field} here.`,
          })),
        ),
      );
    const wanted = queryOf(c, "list", collection as never);
    const records = await repositoryOf(c, collection);
    const page = unwrap(await records.list({ ...wanted, sort: [{ field: "at", direction: "desc" }] }));
    const items = page.items.map(({ id, action, at, resource_ids, request_id, home, address }) => ({
      ...{ id, action, at, resource_ids, request_id, home, address },
    }));
    return c.json({ items, next_cursor: page.next_cursor }, 200);
  });
