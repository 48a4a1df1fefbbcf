/** Responses that many routes document. */
import { z } from "zod";
import { problemSchema } from "./_problem.ts";

const DESCRIPTIONS = {
  400: "something in the URL, a header or the JSON is malformed",
  401: "no valid access token",
  403: "not allowed, or what one user may keep is used up (`quota_exceeded`)",
  404: "there is no such record",
  409: "the request contradicts what is there",
  410: "the record that this idempotency key made is deleted",
  412: "the record has another version than If-Match says",
  413: "the body is over 1 MB",
  415: "the body is of another type than this route takes",
  422: "the body breaks its schema",
  503: "the database that holds the records does not answer (`unavailable`), or too much is asked of it at once (`busy`, `throttled`)",
  507: "the database that holds the records is full and takes no changes (`storage_full`); reads go on",
} as const;

const retryHeaders = z.object({
  "retry-after": z.string().meta({ description: "seconds after which another try makes sense" }),
});

/** Problem responses for a route. */
export function problems<const S extends (keyof typeof DESCRIPTIONS)[]>(...statuses: S) {
  const content = { "application/problem+json": { schema: problemSchema } };
  const entries = statuses.map((status) => [
    status,
    { description: DESCRIPTIONS[status], content, ...(status === 503 && { headers: retryHeaders }) },
  ]);
  return Object.fromEntries(entries) as {
    [K in S[number]]: { description: string; content: typeof content };
  };
}

/** A JSON response. */
export const json = <T extends z.ZodType>(schema: T, description: string, headers?: z.ZodObject) => ({
  description,
  content: { "application/json": { schema } },
  ...(headers && { headers }),
});

export const recordHeaders = z.object({ etag: z.string().meta({ description: "the record's version" }) });
/** Of what is read of a replicated collection. */
export const sourceHeaders = z.object({
  "x-data-source": z.enum(["primary", "replica"]).meta({
    description: "`replica` while the primary does not answer: a copy that may lack what was written last",
  }),
  "x-complete-up-to": z.iso.datetime().optional().meta({
    description: "with `replica`, where it is known: everything written up to then is in it",
  }),
});
/** Of what is kept in two places for some, and in one for others. */
export const perhapsSourceHeaders = sourceHeaders.partial();
/** Of what is made by a function, whose version nothing is conditional on. */
export const locationHeaders = z.object({ location: z.string().meta({ description: "the path of what was made" }) });
export const createdHeaders = recordHeaders.extend({ location: z.string().meta({ description: "the record's path" }) });

/** A JSON body. */
export const body = <T extends z.ZodType>(schema: T) => ({
  required: true,
  content: { "application/json": { schema } },
});
