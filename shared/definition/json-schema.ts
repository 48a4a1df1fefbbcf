/** The schema of a JSON field: any value of JSON but null, in its one spelling. */
import { z } from "zod";
import { type Json, readJson } from "../values/json.ts";

const TYPES = ["object", "array", "string", "number", "boolean"];

/** `maxBytes`: of its text, as `shared/values/json.ts` counts. */
export const jsonSchema = (maxBytes: number): z.ZodType<Json> =>
  z
    .unknown()
    .check((payload) => {
      const { value } = payload;
      // what is not there has a type of its own in messages: it is missing, or null
      if (value === undefined || value === null) {
        payload.issues.push({ code: "invalid_type", expected: "json" as never, input: value });
        return;
      }
      const read = readJson(value, maxBytes);
      if ("value" in read) payload.value = read.value;
      else {
        const { code, message } = read.fault;
        payload.issues.push({ code: "custom", input: value, message, params: { code } });
      }
    })
    .meta({
      description: "any JSON value but null",
      type: TYPES,
    }) as unknown as z.ZodType<Json>;

/** With null for none. The document has to be told: what takes anything takes null, to whoever prints it. */
export const jsonOrNull = <T>(schema: z.ZodType<T>) => schema.nullable().meta({ type: [...TYPES, "null"] });
