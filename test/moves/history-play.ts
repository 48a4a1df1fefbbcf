/** Plays random histories of moves. */
import { MongoClient } from "mongodb";
import { stepMove } from "../../shared/moves/move-user.ts";
import { reverseMoves } from "../../shared/operations/move-users.ts";
import type { ApiInstance } from "../attack/api.ts";
import { mintToken } from "../setup/users.ts";
import { type Action, type History, type Round, SLOTS } from "./history-actions.ts";
import { createBooks, type Kind, newSlot } from "./history-books.ts";
import { createEnd } from "./history-end.ts";
import { createRequests } from "./history-requests.ts";
import { at, OPEN, type Person, type Token, type Told } from "./history-told.ts";
import type { MovingSystem } from "./system.ts";

const LEASE_SECONDS = 3_600;
const PAUSE_MS = 3_600_000;
/** More than it takes until everybody has heard: an old list, and a request's deadline in tests. */
const HEARD_SECONDS = 1_300;
const UNDISTURBED = { steps: 5, dies: undefined, sleeps: undefined };

class Died extends Error {}

/** `ages`: what the lists of all instances and workers are aged by. */
export function createPlay(system: MovingSystem, instances: readonly ApiInstance[], ages: { passed: number }) {
  const { control, moves, homes } = system;
  const uriOf = (home: string) =>
    system.env[home === "mongodb" ? "MONGODB_URI" : `DATABASE_${home.toUpperCase()}`] ?? "";
  const mongos = new Map(
    homes.filter((home) => uriOf(home).startsWith("mongodb:")).map((home) => [home, new MongoClient(uriOf(home))]),
  );

  const requests = createRequests(system, instances, mongos);

  async function tokenOf(id: string, home: string | undefined, epoch: number): Promise<Token> {
    const issuedAt = Math.floor(Date.now() / 1_000) - 600;
    const jwt = await mintToken(
      control,
      { id, email: `t-${id}@switchyard.test` },
      { issuedAt, appMetadata: home === undefined ? {} : { home, home_epoch: epoch } },
    );
    return { jwt, home };
  }
  const homeOf = async (id: string) => {
    const [row] = await control.sql<{ home: string; epoch: number }>(
      `select database_provider as home, epoch from public.user_database_assignments where user_id = '${id}'`,
    );
    return row;
  };

  async function begin({ homes: first }: History): Promise<Told> {
    const broken: string[] = [];
    const people: Person[] = [];
    for (const number of first) {
      const home = at(homes, number);
      const { id } = await system.user(home);
      const slots = (kind: Kind) =>
        Array.from({ length: SLOTS }, (_, which) =>
          newSlot(kind, which, kind === "loans" ? crypto.randomUUID() : undefined),
        );
      people.push({
        ...{ id, first: home, more: [], listing: undefined, isLeaving: false, late: [] },
        tokens: [await tokenOf(id, home, 1), await tokenOf(id, undefined, 1)],
        slots: { contacts: slots("contacts"), loans: slots("loans") },
      });
    }
    const told: Told = { people, broken, books: createBooks((what) => broken.push(what)), nextWord: 0, sleeping: [] };
    for (const [user, { slots }] of people.entries())
      for (const slot of [slots.contacts[0], slots.loans[0]])
        if (slot) await requests.create(told, { user, instance: 0, token: 0 }, slot);
    return told;
  }

  const leasesEnd = () =>
    control.sql("update switchyard.tasks set leased_until = now() where queue = 'move' and done_at is null");
  const stepsAreDue = () =>
    control.sql(
      "update switchyard.tasks set due_at = now() where queue = 'move' and done_at is null and due_at > now()",
    );
  async function timePasses(seconds: number): Promise<void> {
    if (seconds === 0) return;
    ages.passed += seconds * 1_000;
    await control.sql(`update switchyard.moves set heard_since = heard_since - interval '${seconds} seconds'
      where heard_since is not null and ended_at is null`);
  }
  async function pausesRunOut(): Promise<void> {
    await control.sql("update public.user_database_assignments set held_until = now() where held_until is not null");
    for (const client of mongos.values())
      await client
        .db()
        .collection("switchyard_homes")
        .updateMany({ held_until: { $ne: null } }, { $set: { held_until: new Date(0) } });
  }

  type Work = Omit<Extract<Action, { do: "work" }>, "do">;
  async function work(action: Work, sleep: () => Promise<void>): Promise<void> {
    for (let steps = 0; steps < action.steps; steps++) if (!(await workOnce(action, sleep))) return;
  }
  /** False: nothing was due, or it died. */
  async function workOnce(action: Work, sleep: () => Promise<void>): Promise<boolean> {
    await stepsAreDue();
    const claimed = (await moves.claim(homes, LEASE_SECONDS))._unsafeUnwrap();
    if (!claimed) return false;
    let hasSlept = false;
    const onPoint = async (point: string) => {
      if (point === action.sleeps && !hasSlept) {
        hasSlept = true;
        await sleep();
      }
      if (point === action.dies) throw new Died();
    };
    const options = system.options({ onPoint, leaseSeconds: LEASE_SECONDS, pauseMs: PAUSE_MS });
    return stepMove(options, claimed).then(
      () => true,
      (error) => {
        if (!(error instanceof Died)) throw error;
        return false;
      },
    );
  }

  async function act(told: Told, action: Action): Promise<void> {
    switch (action.do) {
      case "write":
        return requests.write(told, action);
      case "read":
        return requests.read(told, action);
      case "page":
        return requests.page(told, action);
      case "rest":
        return requests.rest(told, action);
      case "late write":
        return requests.writeLate(told, action);
      case "sign in": {
        const person = at(told.people, action.user);
        const home = await homeOf(person.id);
        if (home) person.tokens.push(await tokenOf(person.id, home.home, home.epoch));
        return;
      }
      case "move":
        return void (await moves.start([at(told.people, action.user).id], at(homes, action.to), "history"));
      case "reverse":
        return void (await reverseMoves(moves, [at(told.people, action.user).id], "history"));
      case "abort":
        return void (await moves.abort([at(told.people, action.user).id]));
      case "clean":
        return void (await moves.clean([at(told.people, action.user).id]));
      case "delete user": {
        const person = at(told.people, action.user);
        person.isLeaving = true;
        return void (await control.sql(`delete from auth.users where id = '${person.id}'`));
      }
      case "work": {
        if (!action.sleeps) return work(action, async () => {});
        const asleep = Promise.withResolvers<void>();
        const awake = Promise.withResolvers<void>();
        const ended = work(action, () => {
          asleep.resolve();
          return awake.promise;
        });
        told.sleeping.push({ wake: awake.resolve, ended });
        return Promise.race([asleep.promise, ended]);
      }
      case "leases end":
        return void (await leasesEnd());
      case "pauses run out":
        return pausesRunOut();
    }
  }

  async function playRound(told: Told, { actions, inOrder, passes, wakes }: Round): Promise<void> {
    await timePasses(passes);
    const woken = wakes ? told.sleeping.splice(0) : [];
    for (const { wake } of woken) wake();
    if (inOrder) for (const action of actions) await act(told, action);
    else await Promise.all(actions.map((action) => act(told, action)));
    await Promise.all(woken.map(({ ended }) => ended));
  }

  const movesOf = async ({ id }: Person) => (await moves.list({ userId: id, ended: true }))._unsafeUnwrap();

  /** Everybody who sleeps wakes up, and every move is made or given up. */
  async function finish(told: Told): Promise<void> {
    for (const { wake } of told.sleeping) wake();
    await Promise.all(told.sleeping.map(({ ended }) => ended));
    for (let rounds = 0; ; rounds++) {
      const all = (await Promise.all(told.people.map(movesOf))).flat();
      const open = all.filter(({ state }) => OPEN.includes(state));
      if (open.length === 0) return;
      if (rounds > 50) throw new Error(`stands still: ${JSON.stringify(open)}`);
      await timePasses(HEARD_SECONDS);
      await leasesEnd();
      await work(UNDISTURBED, async () => {});
    }
  }

  const { expectEnd } = createEnd(system, requests, {
    ...{ finish, homeOf },
    async work() {
      await leasesEnd();
      await work(UNDISTURBED, async () => {});
    },
  });
  return {
    begin,
    playRound,
    expectEnd,
    close: async () => void (await Promise.all([...mongos.values()].map((client) => client.close()))),
  };
}
