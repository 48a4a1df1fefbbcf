/** Many writes in one request: `POST /api/<collection>/batch`. */
import type { Context } from "hono";
import { z } from "zod";
import type { Repository } from "../shared/contract/repository.ts";
import type { Collection } from "../shared/definition/define.ts";
import { uuidSchema } from "../shared/definition/fields.ts";
import { inSeveral } from "../shared/repository/several.ts";
import { expectedVersion } from "./_conditions.ts";
import type { AppEnv } from "./_environment.ts";
import { idempotencyOf, idempotencySecret } from "./_idempotency.ts";
import { ProblemError, problemOf, problemSchema } from "./_problem.ts";
import { unwrap } from "./_service.ts";

export const MAX_OPERATIONS = 500;

type Row = Record<string, unknown>;
type AnyRecord = Row & { id: string; version: number };
type AnyRepository = Repository<AnyRecord, Row, Row>;

export type Operation<C = Row, P = Row> =
  | { op: "create"; body: C; idempotency_key?: string | undefined }
  | { op: "update"; id: string; body: P; if_match?: string | undefined }
  | { op: "delete"; id: string; if_match?: string | undefined };

/** What became of one operation; `problem` where it was refused. */
export interface Outcome<R = AnyRecord> {
  status: number;
  record?: R | undefined;
  problem?: z.infer<typeof problemSchema> | undefined;
}

/**
 * The body of a batch. That an operation is one is looked at for all of them before anything is done; whether its record
 * fits the collection, for each by itself, when it is done.
 */
export function batchSchema<C, P>({ title }: Collection): z.ZodType<{ operations: Operation<C, P>[] }> {
  const component = title.replace(/(?:^|[ _])(\w)/g, (_, letter: string) => letter.toUpperCase());
  const body = (kind: "Create" | "Patch") =>
    z
      .record(z.string(), z.unknown())
      .meta({ type: "object", allOf: [{ $ref: `#/components/schemas/${component}${kind}` }] } as Record<
        string,
        unknown
      >);
  const ifMatch = z.string().optional().meta({ description: "as the header If-Match" });
  return z.strictObject({
    operations: z
      .array(
        z.discriminatedUnion("op", [
          z.strictObject({
            op: z.literal("create"),
            body: body("Create"),
            idempotency_key: z.string().optional().meta({ description: "as the header Idempotency-Key" }),
          }),
          z.strictObject({ op: z.literal("update"), id: uuidSchema, body: body("Patch"), if_match: ifMatch }),
          z.strictObject({ op: z.literal("delete"), id: uuidSchema, if_match: ifMatch }),
        ]),
      )
      .min(1, "Give at least one operation.")
      .max(MAX_OPERATIONS, `Give at most ${MAX_OPERATIONS} operations.`),
  }) as unknown as z.ZodType<{ operations: Operation<C, P>[] }>;
}

export const outcomesSchema = (record: z.ZodType) =>
  z.object({
    results: z
      .array(z.object({ status: z.int(), record: record.optional(), problem: problemSchema.optional() }))
      .meta({ description: "one for each operation, in their order" }),
  });

/**
 * Does them, several at once; those of one record in their order. Each stands by itself: one that is refused undoes no
 * other. A create with its idempotency key, and a write with `if_match`, may be sent again as they may be alone.
 */
export async function runBatch(
  c: Context<AppEnv>,
  repository: AnyRepository,
  path: string,
  operations: readonly Operation[],
): Promise<Outcome[]> {
  const { config } = c.get("dependencies");
  const secret = await idempotencySecret(config);
  const prepared = await Promise.all(
    operations.map(async (operation) => {
      if (operation.op !== "create") return { operation, key: operation.id };
      const body = operation.body as { id?: string };
      try {
        const repeat = await idempotencyOf(operation.idempotency_key, secret, c.get("user").id, path, body);
        return { operation, repeat, key: (repeat?.id ?? body.id)?.toString().toLowerCase() };
      } catch (error) {
        return { operation, refused: outcomeOf(error) };
      }
    }),
  );
  return inSeveral(
    prepared,
    ({ key }) => key,
    async ({ operation, repeat, refused }) => {
      if (refused) return refused;
      try {
        if (operation.op === "create") {
          const options = repeat && { idempotencyHash: repeat.idempotencyHash };
          const given = repeat ? { ...operation.body, id: repeat.id } : operation.body;
          return { status: 201, record: unwrap(await repository.create(given, options)) };
        }
        const { id, if_match } = operation;
        const condition = unwrap(await expectedVersion(if_match, repository, id));
        if (operation.op === "update")
          return { status: 200, record: unwrap(await repository.update(id, operation.body, condition)) };
        unwrap(await repository.delete(id, condition));
        return { status: 204 };
      } catch (error) {
        return outcomeOf(error);
      }
    },
  );
}

/** Bugs are no outcome: they end the request. */
function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof ProblemError)) throw error;
  return { status: error.options.status, problem: problemOf(error.options) };
}
