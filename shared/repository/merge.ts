/**
 * One record becomes another: whatever refers to the one refers to the other afterwards, and the one is deleted. In steps,
 * each of which leaves everything as it should be and can be made again: references move record by record, as with any
 * update, and the record is deleted last, which its database refuses while anything refers to it. What dies in between, or
 * runs out of time, is finished by the same call again. (One transaction would do it at once in Postgres, hold everything
 * that refers to a category for as long as that takes, and not be possible for 10,000 records in MongoDB.)
 */
import { err, ok, type Result } from "neverthrow";
import { busy, invalid, type RepositoryError } from "../contract/errors.ts";
import { MAX_LIMIT } from "../contract/query.ts";
import type { Answer, Repository } from "../contract/repository.ts";
import type { Collection } from "../definition/define.ts";
import { type ReferenceField, referencesTo } from "../definition/references.ts";
import { missingReferences } from "./refusals.ts";
import { inSeveral } from "./several.ts";
import type { Row } from "./store.ts";

type AnyRepository = Repository<Row, Row, Row>;

export interface Merge {
  /** every collection that may refer to it */
  all: readonly Collection[];
  repository: (collection: Collection) => AnyRepository;
  collection: Collection;
  /** the record that goes */
  from: string;
  /** the one that stays */
  into: string;
}

/** How many records have come to refer to the other, by collection. */
export type Moved = Record<string, number>;

/** As often as a record that refers to it can come up between the last look and the deletion. */
const MAX_ROUNDS = 5;

/**
 * Errors: `not_found` (there is no such record to merge, any more, either), `invalid_input` (`into` is the record itself, or
 * of another kind), `invalid_reference` (there is no record `into`), and as any update.
 */
export async function mergeRecords({ all, repository, collection, from, into }: Merge): Answer<Moved> {
  const records = repository(collection);
  const [source, target] = [await records.get(from), await records.get(into)];
  if (source.isErr()) return err(source.error);
  if (target.isErr()) return err(target.error.code === "not_found" ? NO_TARGET(collection) : target.error);
  const refused = refusal(collection, source.value, target.value);
  if (refused) return err(refused);
  const references = referencesTo(collection.name, all);
  const moved: Moved = {};
  for (let round = 0; round < MAX_ROUNDS; round++) {
    for (const reference of references) {
      const count = await moveReferences(all, repository, reference, from, into);
      if (count.isErr()) return err(count.error);
      moved[reference.collection] = (moved[reference.collection] ?? 0) + count.value;
    }
    const deleted = await records.delete(from);
    // a repeated call was faster
    if (deleted.isOk() || deleted.error.code === "not_found") return ok(moved);
    if (deleted.error.code !== "referenced") return err(deleted.error);
  }
  return err(busy("Records that refer to this one keep coming. Try again."));
}

const NO_TARGET = ({ name }: Collection): RepositoryError =>
  invalid("invalid_reference", "The record to merge into does not exist.", [
    { field: "into", code: "invalid_reference", message: `There is no record with this id in ${name}.` },
  ]);

/** What is fixed while others refer to it has to be the same in both, or their records would come to mean something else. */
function refusal(collection: Collection, from: Row, into: Row): RepositoryError | undefined {
  const wrong = (message: string) =>
    invalid("invalid_input", "These two cannot become one.", [{ field: "into", code: "invalid_value", message }]);
  if (from.id === into.id) return wrong("Name another record than the one that is merged.");
  const field = collection.fixedWhileReferenced.find((name) => from[name] !== into[name]);
  return field === undefined
    ? undefined
    : wrong(`The ${field} of the two differs: ${String(from[field])} and ${String(into[field])}.`);
}

/** Page by page from the start, because what has moved is not found again. */
async function moveReferences(
  all: readonly Collection[],
  repository: Merge["repository"],
  { collection: name, field }: ReferenceField,
  from: string,
  into: string,
): Promise<Result<number, RepositoryError>> {
  const collection = all.find((each) => each.name === name);
  if (!collection) throw new Error(`there is no collection ${name}`);
  const records = repository(collection);
  let moved = 0;
  for (;;) {
    const page = await records.list({
      filters: [{ field, operator: "eq", value: from }],
      sort: { field: "id", direction: "asc" },
      limit: MAX_LIMIT,
    });
    if (page.isErr()) return err(page.error);
    const { items } = page.value;
    if (items.length === 0) return ok(moved);
    const answers = await inSeveral(
      items,
      () => undefined,
      // with its version: somebody who has put it elsewhere meanwhile has the last word
      ({ id, version }) => records.update(String(id), { [field]: into }, { expectedVersion: Number(version) }),
    );
    for (const answer of answers) {
      if (answer.isOk()) moved += 1;
      else if (answer.error.code === "invalid_reference") return err(missingReferences(collection, [field]));
      else if (answer.error.code !== "version_mismatch" && answer.error.code !== "not_found") return err(answer.error);
    }
  }
}
