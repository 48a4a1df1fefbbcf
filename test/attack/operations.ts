/** The routes that the OpenAPI document lists, so that a test of "every route" cannot forget a new one. */
export interface Operation {
  method: string;
  /** with the base path and `{id}` as they stand in the document */
  path: string;
  parameters: { name: string; in: string; required?: boolean }[];
  /** wants an access token */
  secured: boolean;
  takesBody: boolean;
}

interface Described {
  parameters?: Operation["parameters"];
  security?: unknown[];
  requestBody?: unknown;
}

export function operationsOf(document: { paths: Record<string, Record<string, Described>> }): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], security = [], requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      parameters,
      secured: security.length > 0,
      takesBody: requestBody !== undefined,
    })),
  );
}

const SAMPLES: Readonly<Record<string, string>> = {
  from: "0001-01-01",
  to: "9999-12-31",
  by: "month",
  on: "2026-03-14",
};

/** The parameters that the route cannot do without, as they stand behind the question mark. */
export const requiredQuery = ({ parameters }: Operation): string =>
  parameters
    .filter((parameter) => parameter.in === "query" && parameter.required)
    .map(({ name }) => `${name}=${SAMPLES[name] ?? ""}`)
    .join("&");

/** An address at which the route answers a caller who may ask; `inner` is the id of what is inside a record. */
export const addressOf = (operation: Operation, id: string, inner = id): string =>
  `${operation.path.replace("{id}", id).replace(/\{\w+\}/, inner)}?${requiredQuery(operation)}`;
