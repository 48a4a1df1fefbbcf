/**
 * Random interleavings of what users write and the dashboards that they read meanwhile, over two instances of the API: each
 * read is held against the model. A step is one write at most, and reads that begin some turns of the loop before, in or behind
 * it; many go on at once, also of one user.
 */
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { DashboardModel, type Shown } from "./dashboard-model.ts";

interface Answer {
  readonly status: number;
  readonly value: unknown;
}
export interface Person {
  readonly id: string;
  /** in EUR, with `FUNDS` */
  readonly account: string;
  send(instance: number, method: string, path: string, body?: object): Promise<Answer>;
}
/** What each has at the beginning, far more than is moved. */
export const FUNDS = "100000.00";
export const PEOPLE = 12;
const AT_ONCE = 6;
const PATHS = ["/api/dashboard", "/api/dashboard", "/api/users/me"];
const KINDS = ["transfer", "hold", "void", "expense", "unexpense", "preferences", "profile"] as const;
/** Some only read: without them hardly anything would be found in the cache. */
const kind = fc.oneof(
  { weight: 2, arbitrary: fc.constant("none" as const) },
  { weight: 3, arbitrary: fc.constantFrom(...KINDS) },
);

const instance = fc.nat({ max: 1 });
const turns = fc.nat({ max: 40 });
/** of whoever writes, or of the other one whom it may concern */
const read = fc.record({ instance, turns, path: fc.constantFrom(...PATHS), ofOther: fc.boolean() });
const interleaving = fc.record({
  who: fc.nat({ max: PEOPLE - 1 }),
  whom: fc.nat({ max: PEOPLE - 2 }),
  kind,
  cents: fc.integer({ min: 1, max: 999 }),
  instance,
  turns,
  reads: fc.array(read, { minLength: 1, maxLength: 3 }),
});
type Interleaving = typeof interleaving extends fc.Arbitrary<infer T> ? T : never;

/** So many interleavings, and what is done to Redis in the middle of them. */
export const roundOf = <F>(fault: fc.Arbitrary<F>, size: number) =>
  fc.record({
    fault,
    faultAt: fc.nat({ max: size / 2 }),
    interleavings: fc.array(interleaving, { minLength: size, maxLength: size }),
  });

export function createDashboardPlay(people: readonly Person[]) {
  const today = new Date().toISOString().slice(0, 10);
  let clock = 0;
  const tick = () => ++clock;
  const books = people.map((person) => {
    const model = new DashboardModel();
    model.movements.push({ begunAt: 0, doneAt: 0, posted: Number(FUNDS.replace(".", "")), held: 0 });
    return { ...person, model, holds: [] as { id: string; cents: number }[], expenses: [] as typeof NO_EXPENSES };
  });
  type Book = (typeof books)[number];
  const broken: string[] = [];
  let reads = 0;

  /** Sends a write; its facts stand from its beginning, and are sure from its answer. */
  const write = async (
    by: Book,
    call: [number, string, string, object?],
    facts: readonly { doneAt?: number }[],
  ): Promise<Record<string, string>> => {
    const { status, value } = await by.send(...call);
    if (status >= 300) broken.push(`${call[1]} ${call[2]}: ${status} ${JSON.stringify(value)}`);
    for (const fact of facts) fact.doneAt = tick();
    return (value ?? {}) as Record<string, string>;
  };
  const add = <F>(list: F[], fact: F): F => {
    list.push(fact);
    return fact;
  };

  const move = async (by: Book, step: Interleaving) => {
    const { instance: at, cents, kind } = step;
    const begunAt = tick();
    const isHold = kind !== "transfer";
    const to = otherOf(step);
    const [posted, held] = isHold ? [0, cents] : [-cents, 0];
    const facts = [add(by.model.movements, { begunAt, posted, held })];
    if (!isHold) facts.push(add(to.model.movements, { begunAt, posted: cents, held: 0 }));
    const listed = (isHold ? [by] : [by, to]).map(({ model }) => add(model.transfers, { begunAt, value: "?" }));
    const made = await write(
      by,
      [
        at,
        "POST",
        "/api/ledger/transfers",
        {
          ...(isHold ? { kind: "withdrawal", hold_seconds: 3_600 } : { kind: "transfer", to_account: to.account }),
          ...{ from_account: by.account, amount: amountOf(cents) },
        },
      ],
      facts,
    );
    for (const fact of listed) Object.assign(fact, { doneAt: tick(), value: made.id });
    if (isHold) by.holds.push({ id: made.id ?? "none", cents });
  };
  const release = (by: Book, { instance: at }: Interleaving, { id, cents }: Book["holds"][number]) =>
    write(
      by,
      [at, "POST", `/api/ledger/transfers/${id}/void`],
      [add(by.model.movements, { begunAt: tick(), posted: 0, held: -cents })],
    );
  const spend = async (by: Book, { instance: at, cents }: Interleaving) => {
    const fact = add(by.model.spent, { begunAt: tick(), sum: cents, count: 1 });
    const body = { amount: amountOf(cents), currency: "EUR", date: today };
    const { id = "none" } = await write(by, [at, "POST", "/api/expenses", body], [fact]);
    by.expenses.push({ id, cents });
  };
  const unspend = (by: Book, { instance: at }: Interleaving, { id, cents }: Book["expenses"][number]) =>
    write(
      by,
      [at, "DELETE", `/api/expenses/${id}`],
      [add(by.model.spent, { begunAt: tick(), sum: -cents, count: -1 })],
    );

  const otherOf = ({ who, whom }: Interleaving) => books.filter((_, at) => at !== who)[whom] as Book;
  const writeOne = async (step: Interleaving): Promise<unknown> => {
    const { kind, who, instance: at } = step;
    const by = books[who] as Book;
    if (kind === "none") return undefined;
    if (kind === "transfer") return move(by, step);
    if (kind === "hold" || kind === "void") {
      const standing = kind === "void" ? by.holds.shift() : undefined;
      return standing ? release(by, step, standing) : move(by, step);
    }
    if (kind === "expense" || kind === "unexpense") {
      const there = kind === "unexpense" ? by.expenses.shift() : undefined;
      return there ? unspend(by, step, there) : spend(by, step);
    }
    const begunAt = tick();
    const value = `at_${begunAt}`;
    if (kind === "profile")
      return write(by, [at, "PUT", "/api/profile", { name: value }], [add(by.model.names, { begunAt, value })]);
    const patch = { metadata: { [value]: 1 } };
    return write(by, [at, "PATCH", "/api/preferences", patch], [add(by.model.keys, { begunAt, value })]);
  };
  const readOne = async (book: Book, at: number, path: string) => {
    const begunAt = tick();
    const { status, value } = await book.send(at, "GET", path);
    reads += 1;
    if (status !== 200) return void broken.push(`${path} of instance ${at}: ${status} ${JSON.stringify(value)}`);
    const faults = book.model.faultsOf(value as Shown, { begunAt, endedAt: tick() });
    if (faults.length > 0) broken.push(`${path} of instance ${at}, read at ${begunAt}: ${faults.join("; ")}`);
  };

  /** Plays them, some at once; `fault` is begun before the one of that number, and nobody waits for it. */
  const play = async (steps: readonly Interleaving[], faultAt: number, fault: () => Promise<void>) => {
    let next = 0;
    let faulting: Promise<void> | undefined;
    const lane = async () => {
      for (let at = next++; at < steps.length; at = next++) {
        if (at === faultAt) faulting = fault();
        const step = steps[at] as Interleaving;
        const later = async (count: number, work: () => Promise<unknown>) => {
          for (let left = count; left > 0; left--) await turn();
          await work();
        };
        await Promise.all([
          later(step.turns, () => writeOne(step)),
          ...step.reads.map((each) =>
            later(each.turns, () =>
              readOne(each.ofOther ? otherOf(step) : (books[step.who] as Book), each.instance, each.path),
            ),
          ),
        ]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    await faulting;
  };
  /** Everybody looks once more, everywhere: nothing is under way. */
  const lookAgain = () => Promise.all(books.flatMap((book) => [0, 1].map((at) => readOne(book, at, "/api/dashboard"))));
  return { play, lookAgain, broken, reads: () => reads };
}

const NO_EXPENSES: { id: string; cents: number }[] = [];
const amountOf = (cents: number) => (cents / 100).toFixed(2);
