/** `/customers/{id}/payments`: the routes of payments, for those of one customer. `/payments` has all customers'. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { collections } from "../../shared/collections/index.ts";
import { type Collection, defineCollection } from "../../shared/definition/define.ts";
import type { RecordFields } from "../../shared/definition/fields.ts";
import { childrenOf } from "../../shared/repository/children.ts";
import { problems } from "../_answers.ts";
import type { AppEnv } from "../_environment.ts";
import { idParameter } from "../_parameters.ts";
import { createRoutes } from "../_validation.ts";
import { describeRoutes } from "./describe.ts";
import { type HandlerOptions, idIn, openAny, recordHandlers } from "./handlers.ts";

const { payments, customers } = collections;
const { customer_id: _, ...fields } = payments.fields;
/** Payments as they are written and asked for there: the customer stands in the address. */
const ofCustomer = defineCollection({
  name: payments.name,
  title: "customer payment",
  placement: payments.placement,
  scope: payments.scope,
  fields,
  search: ["reference", "note"],
}) as unknown as Collection;

const both = idParameter.extend({
  paymentId: idParameter.shape.id.meta({
    param: { name: "paymentId", in: "path" },
    description: "UUID of the payment",
  }),
});
type PaymentFields = RecordFields<typeof payments.fields>;

const described = describeRoutes<typeof fields, PaymentFields>(ofCustomer, { record: payments.schemas.record });
const [ALL, ONE] = ["/{id}/payments", "/{id}/payments/{paymentId}"] as const;
const tags = [customers.name];
const { create, list, count, summary, exportCsv, get, update, remove } = described;
/** There is no such customer. */
const nowhere = problems(404);
const routes = {
  create: createRoute({
    ...{ ...create, tags, path: ALL, request: { ...create.request, params: idParameter } },
    responses: { ...create.responses, ...nowhere },
  }),
  list: createRoute({
    ...{ ...list, tags, path: ALL, request: { ...list.request, params: idParameter } },
    responses: { ...list.responses, ...nowhere },
  }),
  count: createRoute({
    ...{ ...count, tags, path: `${ALL}/count`, request: { ...count.request, params: idParameter } },
    responses: { ...count.responses, ...nowhere },
  }),
  summary: createRoute({
    ...{ ...summary, tags, path: `${ALL}/summary`, request: { ...summary.request, params: idParameter } },
    responses: { ...summary.responses, ...nowhere },
  }),
  exportCsv: createRoute({
    ...{ ...exportCsv, tags, path: `${ALL}/export.csv`, request: { ...exportCsv.request, params: idParameter } },
    responses: { ...exportCsv.responses, ...nowhere },
  }),
  get: createRoute({ ...get, tags, path: ONE, request: { ...get.request, params: both } }),
  update: createRoute({ ...update, tags, path: ONE, request: { ...update.request, params: both } }),
  remove: createRoute({ ...remove, tags, path: ONE, request: { ...remove.request, params: both } }),
};

const open: HandlerOptions["open"] = async (c, deadlineMs, reads) =>
  childrenOf({
    children: await openAny(payments as unknown as Collection)(c, deadlineMs, reads),
    parents: await openAny(customers as unknown as Collection)(c, deadlineMs, reads),
    field: "customer_id",
    parent: idIn(c),
  });

export function customerPaymentRoutes() {
  const handlers = recordHandlers({
    collection: ofCustomer,
    open,
    path: (c: Context<AppEnv>) => `/api/customers/${idIn(c)}/payments`,
    id: (c) => idIn(c, "paymentId"),
  });
  const named = createRoutes()
    .openapi(routes.count, handlers.count as never)
    .openapi(routes.summary, handlers.summary as never)
    .openapi(routes.exportCsv, handlers.exportCsv as never);
  for (const { path } of [routes.count, routes.summary, routes.exportCsv])
    named.all(path.replace("{id}", ":id"), (c) => c.notFound());
  return named
    .openapi(routes.create, handlers.create as never)
    .openapi(routes.list, handlers.list as never)
    .openapi(routes.get, handlers.get as never)
    .openapi(routes.update, handlers.update as never)
    .openapi(routes.remove, handlers.remove as never);
}
