/**
 * White space around a contact's name, and more than one blank in it, go. Put into `data-migrations/`, it imports from
 * `../shared/`. What was there before is not known any more, so there is no `down`.
 */
import { contacts } from "../../shared/collections/contacts.ts";
import { defineDataMigration } from "../../shared/definition/data-migration.ts";

const tidy = (name: string): string => name.trim().replaceAll(/\s+/gu, " ");

export default defineDataMigration({
  collection: contacts,
  up: ({ name }) => (name === null || tidy(name) === name ? null : { name: tidy(name) }),
  before: ({ name }) => (name !== null && tidy(name) === "" ? "of the name nothing would be left" : null),
  after: ({ name }) => (name === null || tidy(name) !== name ? "the name is not tidy" : null),
});
