/** What both loaders share: a seed completed to the record that it stands for, in the API's form. */

import type { Collection, SystemFields } from "../../shared/definition/define.ts";

export type SeededRecord = Record<string, unknown> & SystemFields;

let seeded = 0;

/** Defaults filled in and spellings made canonical by the schema; system fields from the seed, or made up in order. */
export function completeSeed(
  userId: string,
  site: number,
  collection: Collection,
  rows: readonly unknown[],
): SeededRecord[] {
  return rows.map((row) => {
    const { version, created_at, updated_at, ...body } = row as Record<string, unknown> & Partial<SystemFields>;
    const record = collection.schemas.create.parse(body) as Record<string, unknown>;
    const created = created_at ?? new Date().toISOString();
    seeded++;
    return {
      ...record,
      id: (record.id as string | undefined) ?? crypto.randomUUID(),
      user_id: userId,
      version: version ?? Date.parse("2026-01-01") * 1000 + seeded * 8 + site,
      created_at: created,
      updated_at: updated_at ?? created,
    };
  });
}
