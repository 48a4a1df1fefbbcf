/** What a line says comes back whole: also what the record itself does not show. */
import { expect, test } from "vitest";
import { isTombstone, lineOfRow, lineOfTombstone, storedOfLine } from "../../shared/backups/record-lines.ts";
import { profiles } from "../../shared/collections/profiles.ts";
import { identityOf } from "../../shared/definition/define.ts";

const id = "0197f0a0-0000-7000-8000-000000000001";
const owner = "0197f0a0-0000-7000-8000-000000000002";
const seen = { "1": 1_764_000_000_000_001, "2": 1_764_000_000_000_002 };

test("a record, with the hash of its request and the versions that it includes", () => {
  const fields = Object.fromEntries(Object.keys(profiles.fields).map((name) => [name, null]));
  const line = lineOfRow(profiles, {
    ...fields,
    ...{
      id,
      [identityOf(profiles).owner]: owner,
      version: "1764000000000002",
      create_hash: "abc",
      seen: JSON.stringify(seen),
    },
    ...{ created_at: "2026-11-29 06:00:00.123+00", updated_at: "2026-11-29 06:00:01.5+00" },
  });
  expect(storedOfLine(profiles, line)).toEqual({
    record: expect.objectContaining({ id, version: 1_764_000_000_000_002, updated_at: "2026-11-29T06:00:01.500Z" }),
    createHash: "abc",
    seen,
  });
});

test("what is left of a deleted record", () => {
  const deletedAt = "2026-11-29T06:00:00.123Z";
  const said = { id, user_id: owner, version: "1764000000000002", create_hash: null, deleted_at: deletedAt };
  const line = lineOfTombstone(profiles, { ...said, seen });
  expect(isTombstone(line)).toBe(true);
  const version = 1_764_000_000_000_002;
  expect(storedOfLine(profiles, line)).toEqual({ id, owner, version, createHash: null, deletedAt, seen });
  expect(storedOfLine(profiles, lineOfTombstone(profiles, said))).toMatchObject({ seen: null });
});
