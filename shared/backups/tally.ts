/** What is counted of lines while they pass: the same when a backup is made and when it is verified. */
import { type Collection, identityOf } from "../definition/define.ts";
import { uuidText } from "../mongo/documents.ts";
import type { Newest, Part } from "./manifest.ts";
import { isTombstone, type Line, versionOf } from "./record-lines.ts";

export interface Tally extends Pick<Part, "count" | "tombstones" | "versions"> {
  /** of the money of living records by currency, in ten-thousandths */
  sums: Map<string, bigint>;
  /** the newest of a home: other collections lose records without a trace, with accounts or with time */
  newest: { line: Line; version: number } | null;
}

export const emptyTally = (): Tally => ({ count: 0, tombstones: 0, versions: null, sums: new Map(), newest: null });

/** Passes them on. `collection`: undefined for a table of the control plane. */
export async function* tallied(
  lines: AsyncIterable<Line>,
  collection: Collection | undefined,
  tally: Tally,
): AsyncIterable<Line> {
  for await (const line of lines) {
    tally.count++;
    if (collection) count(line, collection, tally);
    yield line;
  }
}

function count(line: Line, collection: Collection, tally: Tally): void {
  const { money } = collection;
  const version = versionOf(line);
  const { from, to } = tally.versions ?? { from: version, to: version };
  tally.versions = { from: Math.min(from, version), to: Math.max(to, version) };
  if (collection.placement.kind === "home" && version > (tally.newest?.version ?? -1)) tally.newest = { line, version };
  if (isTombstone(line)) tally.tombstones++;
  else if (money && line[money.field] !== null) {
    const currency = "reference" in money.currency ? "" : String(line[money.currency.field]);
    tally.sums.set(currency, (tally.sums.get(currency) ?? 0n) + smallest(String(line[money.field])));
  }
}

export const newestOf = (collection: Collection | undefined, { newest }: Tally): Newest | null =>
  collection && newest
    ? {
        ...{ collection: collection.name, id: idOf(newest.line), version: newest.version },
        owner: uuidText(newest.line[identityOf(collection).owner]),
      }
    : null;

const idOf = ({ id }: Line): string => (typeof id === "string" ? id : uuidText(id));

/** Exact: at most four decimals. */
function smallest(decimal: string): bigint {
  const [, sign = "", whole = "0", part = ""] = /^(-?)(\d+)(?:\.(\d{1,4})\d*)?$/.exec(decimal) ?? [];
  const units = BigInt(whole + part.padEnd(4, "0"));
  return sign === "-" ? -units : units;
}

function decimalOf(units: bigint): string {
  const digits = (units < 0n ? -units : units).toString().padStart(5, "0");
  return `${units < 0n ? "-" : ""}${digits.slice(0, -4)}.${digits.slice(-4)}`;
}

/** Adds what a part has to the sums of a manifest. */
export function addSums(
  all: Record<string, Record<string, Record<string, string>>>,
  { collection, database }: Pick<Part, "collection" | "database">,
  { sums }: Tally,
): void {
  for (const [currency, units] of sums) {
    const databases = all[collection] ?? {};
    const own = databases[database] ?? {};
    all[collection] = { ...databases, [database]: own };
    own[currency] = decimalOf(units + smallest(own[currency] ?? "0"));
  }
}
