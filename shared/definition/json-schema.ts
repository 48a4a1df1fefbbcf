/** The schema of a JSON field: any value of JSON but null, in its one spelling. */
import { z } from "zod";
import { type Json, readJson } from "../values/json.ts";

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
    .meta({ description: "any JSON value" }) as unknown as z.ZodType<Json>;
