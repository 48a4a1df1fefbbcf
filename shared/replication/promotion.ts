/**
 * Makes a copy what is written, while Supabase is away, and brings everything home when it is back.
 *
 *   promote  The copy says of a collection that it is written there; instances of the API see it within seconds. Nobody can keep a
 *            Postgres from writing that cannot be reached: what it has taken and not sent is a conflict later, and not lost.
 *   demote   Postgres is told, and takes no writes of its own from then on. The copy takes none either ("draining"); what is
 *            under way ends. Everything is sent, both sides are compared, and the collection is home.
 *
 * Both are steps that can be repeated: stopped at any point and started again, they go on.
 */
import { err, ok, type Result } from "neverthrow";
import { busy, conflict, type RepositoryError, unavailable } from "../contract/errors.ts";
import type { Collection } from "../definition/define.ts";
import { isTwoWay } from "../definition/define.ts";
import { attempt } from "../mongo/failures.ts";
import { type Promotion, type PromotionState, readPromotions, writePromotion } from "../mongo/promotions.ts";
import type { BothReport } from "./both-ways.ts";
import type { MongoSide } from "./mongo-side.ts";
import type { ReplicationSource } from "./source.ts";
import { readState } from "./state.ts";
import { isDirty } from "./unsent.ts";
import { type Verified, verifyCollection } from "./verify.ts";

const SUPABASE = "supabase";
const MONGODB = "mongodb";

interface Sides {
  source: ReplicationSource;
  mongo: MongoSide;
}

/**
 * The collections that were ever written in their copy: what is unsent there is collected, also what comes late from an
 * instance that has slept. Postgres is told what it may not know yet. Throws errors of the contract and the driver's.
 */
export function promotedIn({ source, mongo, collections }: Sides & { collections: readonly Collection[] }) {
  const told = new Map<string, number>();
  const copies = collections.filter((collection) => !isTwoWay(collection));
  return async (): Promise<readonly Collection[]> => {
    if (copies.length === 0) return [];
    const promotions = await readPromotions(mongo.replica());
    const found = copies.filter(({ name }) => promotions.has(name));
    for (const { name } of found) {
      const { state, epoch } = promotions.get(name) as Promotion;
      if ((told.get(name) ?? 0) >= epoch) continue;
      const placed = await source.place(name, state === "home" ? SUPABASE : MONGODB, epoch);
      if (placed.isErr()) throw placed.error;
      told.set(name, epoch);
    }
    return found;
  };
}

/** Those that are not at home now. Errors: those of the copy. */
export const promotedNow = ({
  replica,
}: MongoSide): Promise<Result<(Promotion & { collection: string })[], RepositoryError>> =>
  attempt(async () =>
    ok(
      [...(await readPromotions(replica()))].flatMap(([collection, promotion]) =>
        promotion.state === "home" ? [] : [{ collection, ...promotion }],
      ),
    ),
  );

export interface PromoteOptions extends Sides {
  collection: Collection;
  now?: () => Date;
  /** also while Supabase answers, or when the copy was never complete */
  force?: boolean;
  /** called after each durable step; tests end the process there */
  at?: (step: "promoted" | "told") => Promise<void> | void;
}

export interface Promoted {
  epoch: number;
  /** what was written in Supabase after that is not here yet; null: not known */
  completeUpTo: Date | null;
}

/** Errors: `conflict` where it is not to be done, those of the copy. */
export async function promote(options: PromoteOptions): Promise<Result<Promoted, RepositoryError>> {
  const { source, mongo, collection, now = () => new Date(), force = false, at = () => {} } = options;
  const { completeUpTo } = await readState(mongo.replica());
  if (!completeUpTo && !force)
    return err(
      conflict(
        "referenced",
        "The copy was never complete, so there is no telling what it lacks. --force does it all the same.",
      ),
    );
  if (!force && (await source.status()).isOk())
    return err(
      conflict(
        "referenced",
        "Supabase answers, so the collection is best written there. --force makes the copy what is written all the same.",
      ),
    );
  const changed = await changeState({ mongo, collection, to: "promoted", at: now() });
  if (changed.isErr()) return err(changed.error);
  const { epoch } = changed.value;
  await at("promoted");
  // where it can be told at once it takes no writes from now on
  await source.place(collection.name, MONGODB, epoch);
  await at("told");
  return ok({ epoch, completeUpTo });
}

/** Between which two steps of `demote` a process is: each is durable. */
type DemoteStep = "told" | "draining" | "sent" | "compared" | "home";

export interface DemoteOptions extends Sides {
  collection: Collection;
  /** both directions, until nothing is left */
  copy: () => Promise<Result<BothReport, RepositoryError>>;
  /** how long a request may write that has been let in, in milliseconds */
  requestMs: number;
  now?: () => Date;
  wait?: (ms: number) => Promise<void>;
  /** called after each step; tests end the process there */
  at?: (step: DemoteStep) => Promise<void> | void;
}

export interface Demoted extends Verified {
  epoch: number;
}

/**
 * Home again where nothing differs; else it stays as it is, and says what differs. Errors: those of either side; `busy` while
 * something in the copy cannot be sent yet.
 */
export async function demote(options: DemoteOptions): Promise<Result<Demoted, RepositoryError>> {
  const { source, mongo, collection, copy, requestMs, now = () => new Date(), at = () => {} } = options;
  const { wait = (ms) => new Promise((done) => setTimeout(done, ms)) } = options;
  const { name } = collection;
  const known = await attempt(async () => ok((await readPromotions(mongo.replica())).get(name)));
  if (known.isErr()) return err(known.error);
  if (!known.value || known.value.state === "home")
    return err(conflict("referenced", `${name} is written in Supabase, where it belongs.`));
  const told = await source.place(name, MONGODB, known.value.epoch);
  if (told.isErr()) return err(told.error);
  await at("told");
  const draining = await changeState({ mongo, collection, to: "draining", at: now() });
  if (draining.isErr()) return err(draining.error);
  await at("draining");
  // one that was let in before has written by then, or been given up
  await wait(requestMs);
  const sent = await copy();
  if (sent.isErr()) return err(sent.error);
  const left = await attempt(async () => ok(await isDirty(mongo.replica().collection(name))));
  if (left.isErr()) return err(left.error);
  if (left.value)
    return err(busy(`Some of ${name} cannot be sent yet: see switchyard replication status, and repeat this.`));
  await at("sent");
  const compared = await verifyCollection({ source, mongo, collection, deep: true });
  if (compared.isErr()) return err(compared.error);
  if (compared.value.differences.length > 0) return ok({ ...compared.value, epoch: draining.value.epoch });
  await at("compared");
  const epoch = draining.value.epoch + 1;
  // Postgres first: who reads in the copy that it is home finds it open
  const placed = await source.place(name, SUPABASE, epoch);
  if (placed.isErr()) return err(placed.error);
  const home = await changeState({ mongo, collection, to: "home", at: now() });
  if (home.isErr()) return err(home.error);
  await at("home");
  return ok({ ...compared.value, epoch: home.value.epoch });
}

interface Change {
  mongo: MongoSide;
  collection: Collection;
  to: PromotionState;
  at: Date;
}

/** As it is then. One that was begun before, and is in that state, is gone on with. */
async function changeState({ mongo, collection, to, at }: Change): Promise<Result<Promotion, RepositoryError>> {
  const { name } = collection;
  return attempt(async () => {
    const before = (await readPromotions(mongo.replica())).get(name);
    if (before?.state === to) return ok(before);
    // Postgres may have been told the next one already, by a demotion that was stopped before it could say so here
    const epoch = (before?.epoch ?? 0) + (to === "promoted" ? 2 : 1);
    const options = { since: at, before: before?.epoch ?? 0, epoch };
    const after = await writePromotion(mongo.replica(), name, to, options);
    return after.state === to
      ? ok(after)
      : err(unavailable(`Somebody else is at the same: ${name} is ${after.state} by now.`));
  });
}
