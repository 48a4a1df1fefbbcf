/** Whether the books are right: the check of the ledger's database function, part after part, and what it has walked. */
import { err, ok, type Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";

interface Offence {
  /** what has to be true */
  invariant: string;
  /** who breaks it, such as "account <id>" */
  offender: string;
  detail: string;
}
type Part = "accounts" | "entries" | "transfers" | "history" | "profiles";
/** As `public.ledger_check_part` answers. */
interface CheckedPart {
  part: Part;
  rows: number;
  found: Offence[];
  next: object | null;
}

export interface Checked {
  /** none: the books are right. No more than were asked for, then the rest was not looked at. */
  offences: Offence[];
  /** how many of each were walked, the system's own accounts among them */
  walked: Record<Part, number>;
}

/** Calls one of the ledger's functions. */
type Ask = <T>(name: string, parameters: object) => Promise<Result<T, RepositoryError>>;

export interface CheckOptions {
  /** offences after which it ends */
  limit?: number;
  /** a call walks so many, at first: fewer once the database has refused one as too much, which is the limit of its statements */
  rows?: number;
}

/**
 * Walks all there is, in calls that each take a part of a second. `busy` when the database refuses even a call for one row;
 * whatever else a call is refused for ends it, too.
 */
export async function checkLedgerBooks(
  ask: Ask,
  { limit = 100, rows = 2_000 }: CheckOptions = {},
): Promise<Result<Checked, RepositoryError>> {
  const checked: Checked = {
    offences: [],
    walked: { accounts: 0, entries: 0, transfers: 0, history: 0, profiles: 0 },
  };
  let p_rows = rows;
  let p_after: object | null = null;
  for (;;) {
    const part: Result<CheckedPart, RepositoryError> = await ask("ledger_check_part", { p_after, p_rows });
    if (part.isErr()) {
      if (part.error.code !== "busy" || p_rows === 1) return err(part.error);
      p_rows = Math.ceil(p_rows / 4);
      continue;
    }
    checked.offences.push(...part.value.found);
    checked.walked[part.value.part] += part.value.rows;
    p_after = part.value.next;
    if (p_after === null || checked.offences.length >= limit) break;
  }
  return ok({ ...checked, offences: checked.offences.slice(0, limit) });
}
