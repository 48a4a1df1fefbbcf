/** Somebody who is in a room, as its members see them. */
import type { z as openapi } from "@hono/zod-openapi";
import { z } from "zod";
import type { Person } from "../../shared/rooms/joined.ts";
import { shownSchema } from "./profiles.ts";

export const personSchema = z
  .object({
    user_id: z.uuid(),
    joined_at: z.iso.datetime(),
    profile: shownSchema.nullable().meta({ description: "null for one without a profile" }),
  })
  .meta({ id: "Person" }) as unknown as openapi.ZodType<Person, Person>;
