/** `/shop`: the one shop that a user has at most. `/shops` has the same one, as a collection. */
import { createRoute } from "@hono/zod-openapi";
import { collections } from "../../shared/collections/index.ts";
import { notFound, unavailable } from "../../shared/contract/errors.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { onlyOneOf } from "../../shared/repository/only-one.ts";
import { createRoutes } from "../_validation.ts";
import { describeRoutes } from "./describe.ts";
import { type HandlerOptions, openAny, recordHandlers } from "./handlers.ts";

const shops = collections.shops as unknown as Collection;
const described = describeRoutes<typeof collections.shops.fields>(shops);
const { create, get, update, remove } = described;
const routes = {
  create: createRoute({ ...create, path: "/", summary: "Open the shop; 409 `duplicate` when there is one" }),
  get: createRoute({
    ...get,
    path: "/",
    summary: "Read the user's shop",
    request: { headers: get.request.headers },
  }),
  update: createRoute({
    ...update,
    path: "/",
    summary: "Change the user's shop; null clears an optional field",
    request: { headers: update.request.headers, body: update.request.body },
  }),
  remove: createRoute({
    ...remove,
    path: "/",
    summary: "Close the shop; customers and payments stay",
    request: { headers: remove.request.headers },
  }),
};

const open: HandlerOptions["open"] = async (c, deadlineMs, reads) =>
  onlyOneOf(await openAny(shops)(c, deadlineMs, reads), () =>
    // a copy may not have it yet
    c.get("sources").source === "replica"
      ? unavailable("Supabase does not answer, and the copy that is read meanwhile has no shop.")
      : notFound("There is no shop yet: POST makes it."),
  );

export function shopRoutes() {
  const path = () => "/api/shop";
  const handlers = recordHandlers({ collection: shops, open, path, location: path, id: () => "" });
  return createRoutes()
    .openapi(routes.create, handlers.create as never)
    .openapi(routes.get, handlers.get as never)
    .openapi(routes.update, handlers.update as never)
    .openapi(routes.remove, handlers.remove as never);
}
