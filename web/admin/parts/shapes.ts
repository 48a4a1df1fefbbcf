/** What the API answers, by the names that the pages have for it. */
import type { InferResponseType } from "hono/client";
import type { api } from "../../shared/api.ts";

type Admin = typeof api.admin;
export type HomeState = InferResponseType<Admin["database-stats"]["$get"], 200>["homes"][number];
export type HomeHealth = InferResponseType<typeof api.health.$get, 200>["homes"][number];
export type Metrics = Exclude<InferResponseType<Admin["metrics"]["$get"], 200>, string | Response>;
export type Series = NonNullable<Metrics["series"]>;
export type User = InferResponseType<Admin["users"]["$get"], 200>["items"][number];
export type UserDetails = InferResponseType<Admin["users"][":id"]["$get"], 200>;
export type Move = UserDetails["moves"][number];
export type AuditLine = InferResponseType<Admin["audit"]["$get"], 200>["items"][number];
export type Database = InferResponseType<Admin["databases"]["$get"], 200>["items"][number];
export type Placement = InferResponseType<Admin["placement"]["$get"], 200>;
export type Replication = InferResponseType<Admin["replication"]["$get"], 200>;
export type Conflict = InferResponseType<Admin["replication"]["conflicts"]["$get"], 200>["items"][number];
export type Alert = InferResponseType<Admin["alerts"]["$get"], 200>["items"][number];
export type Backups = InferResponseType<Admin["backups"]["$get"], 200>;
