/** `switchyard collection sql <name>`: the migration that keeps a collection in Postgres. */
import { allCollections } from "../../shared/collections/index.ts";
import { collectionSql } from "../../shared/postgres/schema/collection-sql.ts";
import { type Command, WrongUse } from "./command.ts";

export const collectionSqlCommand: Command = {
  name: "collection sql",
  usage: "<name>",
  about: "Prints a collection's migration from its definition.",
  options: {},
  positionals: 1,
  async run({ positionals: [name] }, { out }) {
    const collection = allCollections.find((each) => each.name === name);
    if (!collection) {
      const known = allCollections.map((each) => each.name).join(", ");
      throw new WrongUse(`There is no collection "${name}" in shared/collections/index.ts. There are: ${known}.`);
    }
    out(collectionSql(collection, allCollections).trimEnd());
  },
};
