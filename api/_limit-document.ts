/** What limits add to the OpenAPI document: every route is limited (api/_limits.ts), so none of them says so by itself. */
type Responses = Record<string, { headers?: Record<string, unknown> }>;
interface Document {
  paths?: Record<string, Record<string, { responses?: Responses }>>;
}

const text = (description: string, example: string) => ({ schema: { type: "string" }, description, example });
/** Draft-ietf-httpapi-ratelimit-headers; of requests that nothing counts, answers have neither. */
const LIMITS = {
  "RateLimit-Policy": text(
    "the limits that this request counts against: `q` requests in `w` seconds",
    '"reads";q=1200;w=60',
  ),
  RateLimit: text("what is left of them: `r` requests, for `t` seconds", '"reads";r=1199;t=60'),
};
const TOO_MANY = {
  description:
    "too many requests within a minute (`rate_limited`), of the user or of the address; `RateLimit` says which",
  headers: {
    ...LIMITS,
    "retry-after": {
      schema: { type: "string" },
      required: true,
      description: "seconds after which another try makes sense",
    },
  },
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** The document with 429 in each of its operations, and the fields of limits on every answer. */
export function withLimits<D>(document: D): D {
  for (const methods of Object.values((document as Document).paths ?? {}))
    for (const { responses } of Object.values(methods)) {
      if (!responses) continue;
      for (const response of Object.values(responses)) response.headers = { ...response.headers, ...LIMITS };
      responses["429"] = TOO_MANY;
    }
  return document;
}
