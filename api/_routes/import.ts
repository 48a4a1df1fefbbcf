/** `POST /api/<collection>/import.csv`: a file is looked at first, and written when `commit=1` says so. */
import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import type { Answer, Repository } from "../../shared/contract/repository.ts";
import type { Collection } from "../../shared/definition/define.ts";
import { json, problems } from "../_answers.ts";
import { columnsOf } from "../_csv-cells.ts";
import { checkHeader, draftsOf } from "../_csv-drafts.ts";
import { carryOut, type ImportContext, OUTCOMES, plan, type RowOutcome } from "../_csv-import.ts";
import { Names } from "../_csv-names.ts";
import { readCsv } from "../_csv-rows.ts";
import type { AppEnv } from "../_environment.ts";
import { idempotencyOf, idempotencySecret } from "../_idempotency.ts";
import { requireUser } from "../_middleware.ts";
import { patience } from "../_patience.ts";
import { ProblemError } from "../_problem.ts";
import { repositoryOf, sumTimings, unwrap } from "../_service.ts";

type Row = Record<string, unknown>;
type AnyRepository = Repository<Row & { id: string; version: number }, Row, Row>;

const MAX_ROWS = 5_000;
/** of a file with more rows, those first that somebody has to look at */
const MAX_OUTCOMES = 500;

const rowSchema = z.object({
  line: z.int().meta({ description: "of the file, where the row begins; the header's is 1" }),
  id: z.string().nullable().meta({ description: "the record's; made from the row's content where it has none" }),
  outcome: z.enum(OUTCOMES),
  errors: z.array(z.object({ field: z.string(), code: z.string(), message: z.string() })),
});
const importSchema = z
  .object({
    committed: z.boolean().meta({ description: "false: nothing was written, and outcomes say what would be" }),
    rows: z.int(),
    counts: z.object(
      Object.fromEntries(OUTCOMES.map((name) => [name, z.int()])) as Record<(typeof OUTCOMES)[number], z.ZodInt>,
    ),
    outcomes: z
      .array(rowSchema)
      .meta({ description: `by line; of more than ${MAX_OUTCOMES} rows, invalid and conflicting ones first` }),
  })
  .meta({ id: "Import" });

export const describeImport = ({ name }: Collection) =>
  createRoute({
    method: "post",
    path: "/import.csv",
    tags: [name],
    security: [{ bearer: [] }],
    middleware: requireUser,
    summary: `Import ${name.replaceAll("_", " ")} from CSV, as the export writes it; without commit=1 nothing is written`,
    request: {
      query: z.strictObject({
        commit: z
          .enum(["0", "1"])
          .optional()
          .meta({ description: "1: write, if no row is invalid; by default only look" }),
        on_conflict: z.enum(["report", "update"]).optional().meta({
          description: "what to do with a record that is there and differs: by default report, and leave it alone",
        }),
      }),
      body: {
        required: true,
        content: {
          "text/csv": { schema: z.string().meta({ description: `UTF-8, at most 1 MB and ${MAX_ROWS} rows` }) },
        },
      },
    },
    responses: {
      200: json(importSchema, "what each row comes to"),
      ...problems(400, 401, 403, 409, 413, 415, 422, 503),
    },
  });

export const importHandler =
  (collection: Collection, collections: readonly Collection[]) =>
  async (c: Context<AppEnv> & { req: { valid(target: string): never } }): Promise<Response> => {
    const { commit, on_conflict }: { commit?: string; on_conflict?: string } = c.req.valid("query");
    if (!/^text\/csv\s*(;|$)/i.test(c.req.header("content-type") ?? ""))
      throw new ProblemError({ status: 415, code: "unsupported_media_type", detail: "Send the body as text/csv." });
    const columns = columnsOf(collection, collections);
    const file = readCsv(await c.req.text(), new Set(columns.map(({ name }) => name)));
    checkHeader(file.header, columns, collection.scope.field);
    if (file.rows.length > MAX_ROWS)
      throw new ProblemError({
        status: 422,
        code: "invalid_input",
        detail: `The file has ${file.rows.length} rows; import at most ${MAX_ROWS} at once, and split it.`,
      });

    const { config } = c.get("dependencies");
    const open = async (of: Collection) =>
      (await repositoryOf(c, of, config.EXPORT_DEADLINE_MS, "primary")) as unknown as AnyRepository;
    const opened = new Map<string, Promise<AnyRepository>>();
    const referred = (target: string) => {
      const found = collections.find(({ name }) => name === target);
      if (!found) throw new Error(`the collection ${target} is referred to, and not there`);
      const repository = opened.get(target) ?? open(found);
      opened.set(target, repository);
      return repository;
    };
    const patiently = patience();
    const names = new Map<string, Names>();
    const namesOf = async (target: string) => {
      const known = names.get(target) ?? new Names(await referred(target), patiently);
      names.set(target, known);
      return known;
    };
    const secret = await idempotencySecret(config);
    const context: ImportContext = {
      collection,
      repository: await open(collection),
      referred,
      isUpdating: on_conflict === "update",
      patiently,
      async idFor(content) {
        const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(content));
        const key = `import ${Buffer.from(digest).toString("hex")}`;
        const made = await idempotencyOf(key, secret, c.get("user").id, `/api/${collection.name}`, {});
        return (made as { id: string }).id;
      },
    };
    const again = <T>(answer: Awaited<Answer<T>>): T =>
      unwrap(
        answer.mapErr((error) => ({
          ...error,
          message: `${error.message} Send the file again: rows that are written stay as they are.`,
        })),
      );
    const planned = again(await plan(again(await draftsOf(collection, file, columns, namesOf)), context));
    const isCommitting = commit === "1";
    if (isCommitting) refuseInvalid(planned);
    const outcomes = isCommitting ? again(await carryOut(planned, context)) : planned;
    sumTimings(c);
    const isWritten = ({ outcome }: RowOutcome) => isCommitting && (outcome === "created" || outcome === "updated");
    c.set(
      "changed",
      outcomes.filter(isWritten).flatMap(({ id }) => id ?? []),
    );
    return c.json(answerOf(outcomes, isCommitting), 200);
  };

/** Nothing is written while a row is at fault. */
function refuseInvalid(planned: readonly RowOutcome[]): void {
  const errors = planned
    .filter(({ outcome }) => outcome === "invalid")
    .flatMap(({ line, errors: found }) =>
      found.map(({ field, code, message }) => ({
        field: field ? `${line}.${field}` : String(line),
        code,
        message: `Line ${line}: ${message}`,
      })),
    );
  if (errors.length > 0)
    throw new ProblemError({
      status: 422,
      code: "invalid_input",
      detail: "Some rows are invalid, so none was written.",
      errors,
    });
}

function answerOf(outcomes: readonly RowOutcome[], committed: boolean): z.infer<typeof importSchema> {
  const counts = Object.fromEntries(
    OUTCOMES.map((name) => [name, outcomes.filter(({ outcome }) => outcome === name).length]),
  ) as Record<(typeof OUTCOMES)[number], number>;
  const isNotable = ({ outcome }: RowOutcome) => outcome === "invalid" || outcome === "conflict";
  const shown = [...outcomes.filter(isNotable), ...outcomes.filter((each) => !isNotable(each))].slice(0, MAX_OUTCOMES);
  const rows = shown
    .sort((a, b) => a.line - b.line)
    .map(({ line, id, outcome, errors }) => ({ line, id, outcome, errors }));
  return { committed, rows: outcomes.length, counts, outcomes: rows };
}
