/**
 * What a dashboard may show of one user, whoever writes meanwhile: everything that had been acknowledged when the read began,
 * some of what was under way until it ended, and nothing else. Amounts are in cents.
 */
interface Fact {
  readonly begunAt: number;
  /** undefined: not acknowledged yet */
  doneAt?: number;
}
interface Movement extends Fact {
  readonly posted: number;
  readonly held: number;
}
interface Spent extends Fact {
  readonly sum: number;
  readonly count: number;
}
interface Named extends Fact {
  /** of what the server names: its name once it is done */
  value: string;
}
export interface Read {
  readonly begunAt: number;
  readonly endedAt: number;
}

/** As the API answers; `spending` and `transfers` are the dashboard's alone. */
export interface Shown {
  readonly balances: { readonly posted: string; readonly pending: string; readonly available: string }[];
  readonly preferences: { readonly metadata: Record<string, unknown> } | null;
  readonly profile: { readonly name: string } | null;
  readonly degraded: string[];
  readonly spending?: { readonly sum: string; readonly count: number }[] | null;
  readonly transfers?: { readonly id: string }[];
}

const SHOWN_TRANSFERS = 10;
const cents = (amount = "0.00"): number => Number(amount.replace(".", ""));
const isDone = (fact: Fact, { begunAt }: Read) => fact.doneAt !== undefined && fact.doneAt < begunAt;
const isBegun = (fact: Fact, { endedAt }: Read) => fact.begunAt < endedAt;
const sum = <T>(facts: readonly T[], of: (fact: T) => number) => facts.reduce((total, fact) => total + of(fact), 0);

/** Facts of one user, as they are told by who plays: `begunAt` and `doneAt` are ticks of one counter. */
export class DashboardModel {
  readonly movements: Movement[] = [];
  readonly transfers: Named[] = [];
  readonly spent: Spent[] = [];
  readonly keys: Named[] = [];
  readonly names: Named[] = [];

  /** What is wrong with an answer; nothing when it may be. */
  faultsOf(shown: Shown, read: Read): string[] {
    if (shown.degraded.length > 0) return [`degraded: ${shown.degraded}`];
    const faults: string[] = [];
    const [account] = shown.balances;
    const [posted, held] = [cents(account?.posted), cents(account?.pending)];
    if (!mayBe(this.movements, read, (some) => sum(some, (one) => one.posted) === posted && sum(some, heldBy) === held))
      faults.push(`posted ${posted}, held ${held}`);
    if (cents(account?.available) !== posted - held) faults.push(`available ${account?.available}`);

    const keys = new Set(Object.keys(shown.preferences?.metadata ?? {}));
    faults.push(...this.missing(this.keys, keys, read).map((key) => `no key ${key}`));
    const known = new Set(this.keys.filter((fact) => isBegun(fact, read)).map(({ value }) => value));
    for (const key of keys) if (!known.has(key)) faults.push(`key ${key} out of nowhere`);
    if (!this.mayBeNamed(shown.profile?.name, read)) faults.push(`the name ${shown.profile?.name}`);

    if (shown.transfers) faults.push(...this.faultsOfTransfers(shown.transfers, read));
    if (shown.spending) {
      const [total, count] = [cents(shown.spending[0]?.sum), shown.spending[0]?.count ?? 0];
      if (!mayBe(this.spent, read, (some) => sum(some, (one) => one.sum) === total && sum(some, countOf) === count))
        faults.push(`spent ${total} in ${count}`);
    } else if (shown.spending === null) faults.push("no spending");
    return faults;
  }

  private faultsOfTransfers(shown: readonly { id: string }[], read: Read): string[] {
    const ids = new Set(shown.map(({ id }) => id));
    const known = this.transfers.filter((fact) => isBegun(fact, read));
    // one that is not shown has so many behind it, as far as anybody knows
    const sure = known.filter(
      ({ begunAt }) => known.filter(({ doneAt = Infinity }) => doneAt > begunAt).length <= SHOWN_TRANSFERS,
    );
    return this.missing(sure, ids, read).map((id) => `no transfer ${id}`);
  }

  private missing(facts: readonly Named[], there: ReadonlySet<string>, read: Read): string[] {
    return facts.filter((fact) => isDone(fact, read) && !there.has(fact.value)).map(({ value }) => value);
  }

  /** The last one, or one that was written at the same time as the last one or the read. */
  private mayBeNamed(name: string | undefined, read: Read): boolean {
    const done = this.names.filter((fact) => isDone(fact, read));
    if (name === undefined) return done.length === 0;
    const fact = this.names.find(({ value }) => value === name);
    return (
      fact !== undefined && isBegun(fact, read) && !done.some(({ begunAt }) => begunAt > (fact.doneAt ?? Infinity))
    );
  }
}

const heldBy = ({ held }: Movement) => held;
const countOf = ({ count }: Spent) => count;

/** Whether all that was done, with some of what was under way, is so. */
function mayBe<T extends Fact>(facts: readonly T[], read: Read, isSo: (some: readonly T[]) => boolean): boolean {
  const done = facts.filter((fact) => isDone(fact, read));
  const open = facts.filter((fact) => isBegun(fact, read) && !isDone(fact, read));
  for (let choice = 0; choice < 2 ** open.length; choice++)
    if (isSo([...done, ...open.filter((_, at) => choice & (1 << at))])) return true;
  return false;
}
