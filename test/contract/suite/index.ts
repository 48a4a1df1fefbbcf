/** The contract, as tests: the same for every store. A test file brings the store, this brings what must be true. */
import type { Store } from "../store.ts";
import { concurrency } from "./concurrency.ts";
import { crud } from "./crud.ts";
import { cursors } from "./cursors.ts";
import { errors } from "./errors.ts";
import { idempotency } from "./idempotency.ts";
import { documents } from "./json.ts";
import { lists } from "./lists.ts";
import { money } from "./money.ts";
import { owners } from "./owners.ts";
import { recordRules } from "./reference-rules.ts";
import { referenceRules } from "./references.ts";
import { rules } from "./rules.ts";
import { summaries } from "./summaries.ts";
import { texts } from "./text.ts";
import { validation } from "./validation.ts";

/** Registers all tests of the contract; `store` is asked when they run. */
export function contract(store: () => Store): void {
  for (const theme of [crud, validation, lists, cursors, money, texts, summaries, referenceRules, concurrency])
    theme(store);
  for (const theme of [rules, recordRules, idempotency, owners, errors, documents]) theme(store);
}
