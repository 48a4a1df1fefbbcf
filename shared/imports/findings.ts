/** What does not fit, and why: counted by collection and reason, with a few examples of each. */

export interface Finding {
  /** a collection of the source */
  from: string;
  /** the field of the source or of the record; empty for the whole document */
  field: string;
  reason: string;
  /** the id in the source */
  id: string;
  /** the value, short */
  value?: string | undefined;
  /** true: it stands in nobody's way */
  isNote?: boolean | undefined;
}

export interface FoundReason {
  from: string;
  field: string;
  reason: string;
  isNote: boolean;
  count: number;
  examples: { id: string; value?: string | undefined }[];
}

const EXAMPLES = 3;
/** Reasons that are told apart; a source of which everything is wrong in ways of its own fills no memory. */
const MAX_REASONS = 1_000;

export interface Findings {
  add(finding: Finding): void;
  /** Those in the way first, then by collection and how many. */
  list(): FoundReason[];
}

export function createFindings(): Findings {
  const found = new Map<string, FoundReason>();
  return {
    add({ from, field, reason, id, value, isNote = false }) {
      const key = JSON.stringify([from, field, reason, isNote]);
      let each = found.get(key);
      if (!each) {
        if (found.size >= MAX_REASONS) return;
        each = { from, field, reason, isNote, count: 0, examples: [] };
        found.set(key, each);
      }
      each.count++;
      if (each.examples.length < EXAMPLES) each.examples.push({ id, ...(value !== undefined && { value }) });
    },
    list: () =>
      [...found.values()].sort(
        (a, b) =>
          Number(a.isNote) - Number(b.isNote) || (a.from < b.from ? -1 : a.from > b.from ? 1 : b.count - a.count),
      ),
  };
}

/** `transactions.amount of 64f…: has 3 decimals, and the scale is 2`; without the value, which is the user's own. */
export const misfitInWords = ({ from, field, reason, id }: Finding): string =>
  `${field === "" ? from : `${from}.${field}`} of ${id}: ${reason}`;

/** `transactions.amount: has 3 decimals, and the scale is 2 (12; 64f…: 12.345, …)` */
export function findingInWords({ from, field, reason, count, examples }: FoundReason): string {
  const where = field === "" ? from : `${from}.${field}`;
  const some = examples.map(({ id, value }) => (value === undefined ? id : `${id}: ${value}`)).join("; ");
  return `${where}: ${reason} (${count}${count > examples.length ? ", such as" : ":"} ${some})`;
}
