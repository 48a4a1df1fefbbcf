/** The OpenAPI document as a judge: whether an answer is one that it describes. */
import { z } from "zod";

interface Described {
  content?: Record<string, { schema?: object }>;
  headers?: Record<string, { required?: boolean }>;
}
interface Document {
  paths: Record<string, Record<string, { responses: Record<string, Described> }>>;
  components: { schemas: Record<string, object> };
}

/** Returns a check that throws when the document does not describe the answer to that request. */
export function judgeOf(document: Document) {
  const templates = Object.keys(document.paths)
    .map((path) => ({ path, pattern: new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/]+")}$`) }))
    // what has no parameter is asked first, as in the router
    .sort((a, b) => a.path.split("{").length - b.path.split("{").length);

  const inlined = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inlined);
    if (value === null || typeof value !== "object") return value;
    const reference = (value as { $ref?: string }).$ref;
    if (reference) return inlined(document.components.schemas[reference.split("/").at(-1) ?? ""]);
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inlined(inner)]));
  };
  const schemas = new Map<object, z.ZodType>();
  const schemaOf = (schema: object): z.ZodType => {
    const known = schemas.get(schema) ?? z.fromJSONSchema(inlined(schema) as never);
    schemas.set(schema, known);
    return known;
  };

  return async (method: string, url: string, response: Response): Promise<void> => {
    const path = url.split("?")[0] ?? "";
    const found = templates.find(({ path: name, pattern }) => pattern.test(path) && document.paths[name]?.[method]);
    const what = `${method} ${found?.path ?? path} ${response.status}`;
    const described = document.paths[found?.path ?? ""]?.[method]?.responses[response.status];
    if (!described) throw new Error(`${what} is not in the document`);
    const type = response.headers.get("content-type")?.split(";")[0];
    for (const [name, { required }] of Object.entries(described.headers ?? {}))
      if (required && !response.headers.has(name)) throw new Error(`${what} has no header ${name}`);
    if (!described.content) {
      if (type) throw new Error(`${what} has content, which is not in the document`);
      return;
    }
    const schema = described.content[type ?? ""]?.schema;
    if (!schema) throw new Error(`${what} is ${type}, which is not in the document`);
    const body = await response.clone().text();
    const parsed = schemaOf(schema).safeParse(type?.endsWith("json") ? JSON.parse(body, finite) : body);
    if (!parsed.success) throw new Error(`${what} is not as described: ${parsed.error.message} ${body}`);
  };
}

/** JSON has numbers that a double has not: any number is as good for the schema. */
const finite = (_: string, value: unknown) => (value === Infinity || value === -Infinity ? Number.MAX_VALUE : value);
