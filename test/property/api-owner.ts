/** One user's records through the API, as repositories that a history can call: requests made of calls, and answers read. */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../../shared/contract/errors.ts";
import {
  type Filter,
  type ListQuery,
  type Selection,
  type SummaryQuery,
  sortsOf,
} from "../../shared/contract/query.ts";
import type { Page, SummaryGroup } from "../../shared/contract/repository.ts";
import type { Collection } from "../../shared/definition/define.ts";
import type { TestUser } from "../setup/users.ts";
import type { Row } from "./answers.ts";
import { ApiNames } from "./api-names.ts";
import { slotOf } from "./picks.ts";
import type { AnyRepository, Owner } from "./side.ts";

export interface ApiOwnerOptions {
  /** one request over to the API, and its whole answer */
  send: (method: string, path: string, headers: Record<string, string>, body?: string) => Promise<Response>;
  user: Pick<TestUser<string>, "id" | "jwt">;
  /** which of the history's owners it is */
  owner: number;
  /** IDEMPOTENCY_SECRET of the API */
  secret: string;
  /** the id that a create is to have: its slot says which key it is sent with */
  nextId: () => string;
}

/** Which slot's creates give an id beside their key, which is refused. */
const BOTH = 15;
type Answered<T> = Promise<Result<T, RepositoryError>>;

export function apiOwner({ send, user, owner, secret, nextId }: ApiOwnerOptions): Owner {
  const names = new ApiNames(user.id, owner, secret);
  /** by key, what it was last sent with */
  const sent = new Map<string, Row>();

  async function ask<T>(expected: number, method: string, path: string, more: Asked = {}): Answered<T> {
    const { body, headers = {} } = more;
    const text = body === undefined ? undefined : names.toApi(JSON.stringify(body));
    const all = { authorization: `Bearer ${user.jwt}`, "content-type": "application/json", ...headers };
    const response = await send(method, names.toApi(path), all, text);
    const said = await response.text();
    if (response.status === 201) names.made(JSON.parse(said).id);
    const value = said === "" ? undefined : JSON.parse(names.fromApi(said));
    if (response.status === expected) {
      const etag = response.headers.get("etag");
      if (value?.version !== undefined && etag !== `"${value.version}"`)
        throw new Error(`the ETag of ${said} is ${etag}`);
      return ok(value);
    }
    const kind = response.status === 503 ? "unavailable" : "other";
    return err({ kind, retryAfter: response.headers.get("retry-after"), ...value } as unknown as RepositoryError);
  }

  const repository = ({ name }: Collection): AnyRepository => ({
    async create(given, { idempotencyHash: hash } = {}) {
      if (hash === undefined) return ask(201, "POST", `/api/${name}`, { body: given });
      const slot = slotOf(nextId());
      const key = await names.keyOf(name, slot);
      const { id: _, ...fresh } = given as Row;
      // the other one is the same request once more
      const body = slot === BOTH ? given : hash === "b" ? (sent.get(`${name} ${key}`) ?? fresh) : fresh;
      if (slot !== BOTH) sent.set(`${name} ${key}`, body as Row);
      return ask(201, "POST", `/api/${name}`, { body, headers: { "idempotency-key": key } });
    },
    get: (id) => ask(200, "GET", `/api/${name}/${segment(id)}`),
    update: (id, body, condition) =>
      ask(200, "PATCH", `/api/${name}/${segment(id)}`, { body, headers: ifMatch(condition) }),
    async delete(id, condition) {
      const gone = await ask<void>(204, "DELETE", `/api/${name}/${segment(id)}`, { headers: ifMatch(condition) });
      return gone;
    },
    list: (query) => ask<Page<Row>>(200, "GET", `/api/${name}?${parametersOf(query)}`),
    async count(query) {
      return (await ask<{ count: number }>(200, "GET", `/api/${name}/count?${parametersOf(query)}`)).map(
        ({ count }) => count,
      );
    },
    async summarize(query) {
      return (await ask<{ items: SummaryGroup[] }>(200, "GET", `/api/${name}/summary?${parametersOf(query)}`)).map(
        ({ items }) => items,
      );
    },
  });
  // as it stands in answers once they are read
  return { userId: names.fromApi(user.id), repository };
}

interface Asked {
  body?: unknown;
  headers?: Record<string, string>;
}

/** An empty one would be another route. */
const segment = (id: string): string => encodeURIComponent(id === "" ? " " : id);

const ifMatch = ({ expectedVersion }: { expectedVersion?: number } = {}): Record<string, string> =>
  expectedVersion === undefined ? {} : { "if-match": `"${expectedVersion}"` };

function parametersOf(query: Partial<ListQuery & SummaryQuery> & Selection): string {
  const { filters, q, sort, limit, cursor, by, timeZone } = query;
  const parameters = new URLSearchParams();
  const add = (name: string, value: unknown) => value !== undefined && parameters.append(name, String(value));
  for (const { field, operator, value } of filters as readonly Filter[])
    add(operator === "eq" ? field : `${field}[${operator}]`, typeof value === "object" ? JSON.stringify(value) : value);
  add("q", q);
  const sorts = sort ? sortsOf(sort) : [];
  if (sort) add("sort", sorts.map(({ field, direction }) => `${direction === "desc" ? "-" : ""}${field}`).join(","));
  add("limit", limit);
  add("cursor", cursor);
  add("by", by);
  add("tz", timeZone);
  return parameters.toString();
}
