/** What the routes of any records do: those of a whole collection, of one record's children, of the one that a user has. */
import type { Context } from "hono";
import type { z } from "zod";
import { allCollections } from "../../shared/collections/index.ts";
import { MAX_LIMIT } from "../../shared/contract/query.ts";
import type { Repository } from "../../shared/contract/repository.ts";
import { validated } from "../../shared/contract/validate.ts";
import type { Collection } from "../../shared/definition/define.ts";
import type { ReadPlace } from "../../shared/placement/service.ts";
import type { Computed } from "../_computed.ts";
import { etagOf, expectedVersion, parseTags, refuseOlder } from "../_conditions.ts";
import { csvStream } from "../_csv.ts";
import { columnsOf } from "../_csv-cells.ts";
import type { AppEnv } from "../_environment.ts";
import { repeatOf } from "../_repeat.ts";
import { flagOf, queryOf, refuseParameters, repositoryOf, unwrap } from "../_service.ts";

type Row = Record<string, unknown>;
export type AnyRecord = Row & { id: string; version: number };
export type AnyRepository = Repository<AnyRecord, Row, Row>;
/** The types of bodies and answers come from the route's description; inside, all collections are alike. */
export type Handler = (c: Context<AppEnv> & { req: { valid(target: string): never } }) => Promise<Response>;

export interface HandlerOptions {
  /** what requests are parsed by */
  collection: Collection;
  /** the records that are meant; `deadlineMs` by default a request's */
  open(c: Context<AppEnv>, deadlineMs?: number, reads?: ReadPlace): Promise<AnyRepository>;
  /** where they are, and where one of them is */
  path(c: Context<AppEnv>): string;
  location?(c: Context<AppEnv>, record: AnyRecord): string;
  /** which of them is asked for */
  id(c: Context<AppEnv>): string;
  /** what is added to records that are read */
  computed?: Computed | undefined;
}

export const idIn = (c: Context<AppEnv>, name = "id"): string =>
  (c.req.valid as (target: "param") => Record<string, string>)("param")[name] ?? "";

/** The repository of a collection, without the types of its fields. */
export const openAny =
  (collection: Collection): HandlerOptions["open"] =>
  (c, deadlineMs, reads) =>
    repositoryOf(c, collection, deadlineMs, reads) as unknown as Promise<AnyRepository>;

export function recordHandlers(options: HandlerOptions) {
  const { collection, open, path, id: idOf, computed } = options;
  const { location = (c, { id }) => `${path(c)}/${id}` } = options;
  const schemas = collection.schemas as Record<"create" | "patch", z.ZodType<Row>>;
  const shown = async (c: Context<AppEnv>, records: AnyRecord[]): Promise<AnyRecord[]> =>
    computed && records.length > 0 ? unwrap(await computed.add(c, records)) : records;

  const create: Handler = async (c) => {
    const body: Row & { id?: string } = c.req.valid("json");
    const repeat = await repeatOf(c, path(c), body);
    const repository = await open(c, undefined, "primary");
    const given = validated(schemas.create, repeat ? { ...body, id: repeat.id } : body);
    const record = unwrap(await repository.create(given, repeat && { idempotencyHash: repeat.idempotencyHash }));
    return c.json(record, 201, { etag: etagOf(record), location: location(c, record) });
  };

  const list: Handler = async (c) => {
    const query = queryOf(c, "list", collection);
    const { items, next_cursor } = unwrap(await (await open(c)).list(query));
    return c.json({ items: await shown(c, items), next_cursor });
  };

  const count: Handler = async (c) => {
    const query = queryOf(c, "selection", collection);
    return c.json({ count: unwrap(await (await open(c)).count(query)) });
  };

  const summary: Handler = async (c) => {
    const query = queryOf(c, "summary", collection);
    return c.json({ items: unwrap(await (await open(c)).summarize(query)) });
  };

  const exportCsv: Handler = async (c) => {
    refuseParameters(c, "limit", "cursor");
    const bom = flagOf(c, "bom");
    const query = { ...queryOf(c, "list", collection, ["bom"]), limit: MAX_LIMIT };
    const { EXPORT_DEADLINE_MS } = c.get("dependencies").config;
    const repository = await open(c, EXPORT_DEADLINE_MS, "as-begun");
    // before the headers are sent, so that what goes wrong at once is a problem
    const first = unwrap(await repository.list(query));
    const named = async (target: string) => {
      const found = allCollections.find(({ name }) => name === target) as Collection;
      return openAny(found)(c, EXPORT_DEADLINE_MS, "as-begun");
    };
    const columns = columnsOf(collection, allCollections);
    return c.body(csvStream({ columns, repository, query, first, named, bom }), 200, {
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": `attachment; filename="${collection.name}.csv"`,
    });
  };

  const get: Handler = async (c) => {
    const known = parseTags("If-None-Match", c.req.header("if-none-match"));
    const record = unwrap(await (await open(c)).get(idOf(c)));
    const etag = etagOf(record);
    refuseOlder(c, record, known);
    // weak comparison (RFC 9110, 13.1.2); what is computed may be another while the version is the same
    const unchanged = !computed && (known === "*" || known?.some((tag) => tag.replace(/^W\//, "") === etag));
    return unchanged ? c.body(null, 304, { etag }) : c.json((await shown(c, [record]))[0] as Row, 200, { etag });
  };

  const update: Handler = async (c) => {
    const id = idOf(c);
    const repository = await open(c, undefined, "primary");
    const condition = unwrap(await expectedVersion(c.req.header("if-match"), repository, id));
    const record = unwrap(await repository.update(id, validated(schemas.patch, c.req.valid("json")), condition));
    return c.json(record, 200, { etag: etagOf(record) });
  };

  const remove: Handler = async (c) => {
    const id = idOf(c);
    const repository = await open(c, undefined, "primary");
    const condition = unwrap(await expectedVersion(c.req.header("if-match"), repository, id));
    unwrap(await repository.delete(id, condition));
    return c.body(null, 204);
  };

  return { create, list, count, summary, exportCsv, get, update, remove };
}
