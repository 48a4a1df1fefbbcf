/** The API on records in memory: what HTTP does, without a database. */
import { SignJWT } from "jose";
import { err, ok } from "neverthrow";
import { createApp } from "../../api/_app.ts";
import { createVerifier } from "../../api/_auth.ts";
import { type ApiConfig, loadApiConfig } from "../../shared/config.ts";
import { conflict, notFound, type RepositoryError } from "../../shared/contract/errors.ts";
import type { ListQuery, Selection } from "../../shared/contract/query.ts";
import { validate } from "../../shared/contract/validate.ts";
import type { Collection } from "../../shared/definition/define.ts";
import type { Limits } from "../../shared/limits/limits.ts";
import { createLog } from "../../shared/log.ts";
import type { Metrics } from "../../shared/metrics/metrics.ts";
import type { OutageTeller } from "../../shared/operations/tell-outage.ts";
import type { Router } from "../../shared/placement/router.ts";
import type { RequestUser } from "../../shared/placement/service.ts";

type Row = Record<string, unknown> & { id: string; version: number; hash?: string | undefined };

const SECRET = "a secret of at least 32 characters";
const environment = {
  SUPABASE_URL: "http://127.0.0.1:9",
  SUPABASE_PUBLISHABLE_KEY: "publishable",
  SUPABASE_SECRET_KEY: "the service key, which nobody may see",
  SUPABASE_JWT_SECRET: SECRET,
  ALLOWED_ORIGINS: "https://app.example",
  ADMIN_EMAILS: "Root@Example.com,root@kiosk.example",
};

/** Owner -> collection -> rows; filters and sorts are the contract suite's matter and are left out here. */
function memoryRepository(rows: Map<string, Row>, gone: Set<string>, collection: Collection, userId: string) {
  const shown = ({ hash: _, ...row }: Row) => row;
  let clock = 1_790_000_000_000_001 + rows.size;
  const find = (id: string, version?: number) => {
    const row = rows.get(id);
    if (!row) return err(notFound());
    if (version !== undefined && row.version !== version) return err(conflict("version_mismatch", "changed"));
    return ok(row);
  };
  const matching = ({ filters }: Selection) =>
    [...rows.values()].filter((row) => filters.every(({ field, value }) => row[field] === value));
  return {
    async create(input: object, { idempotencyHash }: { idempotencyHash?: string } = {}) {
      const body = validate(collection.schemas.create, input);
      if (body.isErr()) return err(body.error);
      const { id = crypto.randomUUID(), ...fields } = body.value as Row;
      if (idempotencyHash && gone.has(id)) return err(conflict("deleted", "deleted"));
      const there = rows.get(id);
      if (there && idempotencyHash && there.hash === idempotencyHash) return ok(shown(there));
      if (there) return err(conflict(idempotencyHash ? "idempotency_mismatch" : "duplicate", "there"));
      const now = "2026-01-01T00:00:00.000Z";
      const row = { ...fields, id, user_id: userId, version: ++clock, created_at: now, updated_at: now };
      rows.set(id, { ...row, hash: idempotencyHash });
      return ok(row);
    },
    get: async (id: string) => find(id).map(shown),
    async list(query: ListQuery) {
      const from = Number(query.cursor ?? 0);
      const all = matching(query);
      const items = all.slice(from, from + query.limit).map(shown);
      return ok({ items, next_cursor: from + query.limit < all.length ? String(from + query.limit) : null });
    },
    async update(id: string, patch: object, { expectedVersion }: { expectedVersion?: number } = {}) {
      const body = validate(collection.schemas.patch, patch);
      if (body.isErr()) return err(body.error);
      return find(id, expectedVersion).map((row) =>
        shown(Object.assign(row, body.value, { version: row.version + 8 })),
      );
    },
    async delete(id: string, { expectedVersion }: { expectedVersion?: number } = {}) {
      return find(id, expectedVersion).map((): undefined => {
        rows.delete(id);
        gone.add(id);
        return undefined;
      });
    },
    count: async (selection: Selection) => ok(matching(selection).length),
    summarize: async () => ok([]),
  };
}

export interface MemoryOptions {
  environment?: Record<string, string | undefined>;
  /** what every call of a repository answers instead */
  failing?: () => RepositoryError;
  router?: Partial<Router>;
  clock?: () => number;
  limits?: Limits;
  metrics?: Metrics;
  outage?: OutageTeller;
}

export function memoryApi(options: MemoryOptions = {}) {
  const { environment: more = {}, failing, router = {}, clock = Date.now, limits, metrics, outage } = options;
  const tables = new Map<string, { rows: Map<string, Row>; gone: Set<string> }>();
  const lines: string[] = [];
  const users: RequestUser[] = [];
  const config: ApiConfig = loadApiConfig({ ...environment, ...more });
  const service = (user: RequestUser) => ({
    database: "mongodb",
    repository(collection: Collection) {
      const key = `${user.id} ${collection.name}`;
      const table = tables.get(key) ?? { rows: new Map(), gone: new Set() };
      tables.set(key, table);
      const repository = memoryRepository(table.rows, table.gone, collection, user.id);
      if (!failing) return repository;
      // no promise, though everything that is asked of it is a function
      return new Proxy(repository, { get: (_, name) => (name === "then" ? undefined : async () => err(failing())) });
    },
  });
  const fake = {
    async getDatabaseServiceForUser(user: RequestUser) {
      users.push(user);
      return ok(service(user));
    },
    async repository(collection: Collection, user: RequestUser) {
      users.push(user);
      return ok(service(user).repository(collection));
    },
    getUsage: async () => ok({ records: 0, bytes: 0, quota_records: 100, quota_bytes: null }),
    getBreakers: () => [{ name: "mongodb", kind: "mongodb" as const, isOpen: false }],
    getAssignment: async () => ok(null),
    standingOf: async () => "good" as const,
    ...router,
  };
  const dependencies = {
    config,
    router: fake as unknown as Router,
    verify: createVerifier(config, clock),
    log: createLog({ level: "debug", write: (line) => lines.push(line) }),
    clock,
    ...(limits && { limits }),
    metrics,
    outage,
  };
  const app = createApp(() => dependencies);
  return { app, lines, users };
}

export interface Claims {
  [claim: string]: unknown;
}

/** A token as Supabase signs it; a claim that is undefined is left out. */
export async function token(claims: Claims = {}, secret = SECRET, alg = "HS256"): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  const all = {
    sub: "11111111-1111-4111-8111-111111111111",
    iss: "http://127.0.0.1:9/auth/v1",
    aud: "authenticated",
    role: "authenticated",
    email: "ann@example.com",
    iat: now,
    exp: now + 3_600,
    app_metadata: { home: "mongodb", home_epoch: 1 },
    ...claims,
  };
  return new SignJWT(JSON.parse(JSON.stringify(all)))
    .setProtectedHeader({ alg })
    .sign(new TextEncoder().encode(secret));
}
