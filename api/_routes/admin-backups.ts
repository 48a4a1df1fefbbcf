/** `/admin/backups`: which backups there are, where, and whether somebody has seen that they are whole and can be restored. */
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { callControl, count, instant, looking, lookingRefusals, utc, utcOrNull } from "../_admin.ts";
import { json } from "../_answers.ts";
import { listQuery, pageOfRows, type Typed } from "../_ledger.ts";
import { createRoutes } from "../_validation.ts";

interface Backup {
  place: string;
  id: string;
  kind: "full" | "incremental";
  parent_id: string | null;
  part_of: string | null;
  began_at: string;
  ended_at: string | null;
  databases: string[];
  records: number | null;
  bytes: number | null;
  is_encrypted: boolean;
  verified_at: string | null;
  fault: string | null;
  drilled_at: string | null;
  drill_ms: number | null;
}
interface Found {
  items: (Backup & { noted_at: string; pruned_at: string | null })[];
  newest_verified: string | null;
  newest_drilled: string | null;
}
const backupSchema = z
  .object({
    place: z.string().meta({ description: "a folder, or s3://bucket/prefix" }),
    id: z.string(),
    kind: z.enum(["full", "incremental"]),
    parent_id: z.string().nullable().meta({ description: "of the backup that it goes on from" }),
    part_of: z.string().nullable().meta({ description: "what alone it holds; null: everything" }),
    began_at: instant,
    ended_at: instant.nullable().meta({ description: "null: it is being written, or whoever wrote it died" }),
    databases: z.array(z.string()),
    records: count.nullable(),
    bytes: count.nullable().meta({ description: "as they are kept" }),
    is_encrypted: z.boolean(),
    verified_at: instant.nullable().meta({ description: "when every byte of it was last read" }),
    fault: z.string().nullable().meta({ description: "what was found wrong by then" }),
    drilled_at: instant.nullable().meta({ description: "when it was last restored into databases of its own" }),
    drill_ms: count.nullable().meta({ description: "how long that took" }),
  })
  .meta({ id: "Backup" }) as unknown as Typed<Backup>;

/** Behind which backup a page begins: its place and its id, which holds no `/`. */
const CURSOR = /^[A-Za-z0-9_-]{4,1600}$/;
const toCursor = ({ place, id }: Backup) => Buffer.from(`${place}/${id}`).toString("base64url");
function fromCursor(cursor: string) {
  const text = Buffer.from(cursor, "base64url").toString();
  const at = text.lastIndexOf("/");
  return { place: text.slice(0, Math.max(0, at)), id: text.slice(at + 1) };
}

const list = createRoute({
  ...looking,
  path: "/admin/backups",
  summary: "Which backups there are",
  request: {
    query: z.strictObject({
      limit: listQuery.shape.limit,
      before: z
        .string()
        .regex(CURSOR)
        // a NUL cannot be stored, and so begins no page
        .refine((cursor) => !Buffer.from(cursor, "base64url").includes(0))
        .optional()
        .meta({ description: "where the page begins: next_before of the page before" }),
    }),
  },
  responses: {
    200: json(
      z.object({
        items: z.array(backupSchema),
        next_before: z.string().nullable(),
        newest_verified: instant
          .nullable()
          .meta({ description: "when the newest began that holds everything and was verified" }),
        newest_drilled: instant.nullable().meta({ description: "and that was restored once, for trial" }),
      }),
      "newest first, without those that were pruned",
    ),
    ...lookingRefusals,
  },
});

export const adminBackupRoutes = () =>
  createRoutes().openapi(list, async (c) => {
    const { before, limit } = c.req.valid("query");
    const behind = before === undefined ? null : fromCursor(before);
    const found = await callControl<Found>(c, "read", "switchyard_backups", {
      ...{ p_before_place: behind?.place ?? null, p_before_id: behind?.id ?? null, p_limit: limit + 1 },
    });
    const { items, next_cursor } = pageOfRows(found.items, limit, toCursor);
    const shown = items.map(({ noted_at: _, pruned_at: __, ...backup }) => ({
      ...backup,
      ...{ began_at: utc(backup.began_at), ended_at: utcOrNull(backup.ended_at) },
      ...{ verified_at: utcOrNull(backup.verified_at), drilled_at: utcOrNull(backup.drilled_at) },
    }));
    return c.json(
      {
        items: shown,
        next_before: next_cursor,
        newest_verified: utcOrNull(found.newest_verified),
        newest_drilled: utcOrNull(found.newest_drilled),
      },
      200,
    );
  });
