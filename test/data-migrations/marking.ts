/** The migration of these tests: a contact's note gets a mark in front, and loses it again. */
import { contacts } from "../../shared/collections/contacts.ts";
import { defineDataMigration } from "../../shared/definition/data-migration.ts";

const MARK = "new: ";

export const marking = defineDataMigration({
  collection: contacts,
  up: ({ note }) => (note === null || note.startsWith(MARK) ? null : { note: MARK + note }),
  down: ({ note }) => (note?.startsWith(MARK) ? { note: note.slice(MARK.length) } : null),
  after: ({ note }) => (note === null || note.startsWith(MARK) ? null : "the note has no mark"),
  batchSize: 2,
});

export const isMarked = ({ note }: { note: string | null }): boolean => note === null || note.startsWith(MARK);
