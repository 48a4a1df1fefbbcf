/** What has to be true at the end of a history of moves. */
import { expect } from "vitest";
import { homeCollections } from "../../shared/collections/index.ts";
import { runPurges } from "../../shared/placement/purge.ts";
import { SLOTS } from "./history-actions.ts";
import { floorOf, wordsIn } from "./history-books.ts";
import type { Requests } from "./history-requests.ts";
import { OPEN, type Person, type Told } from "./history-told.ts";
import type { MovingSystem } from "./system.ts";

interface Ending {
  /** every move is made or given up */
  finish(told: Told): Promise<void>;
  /** so many steps of whatever is due */
  work(): Promise<void>;
  homeOf(userId: string): Promise<{ home: string; epoch: number } | undefined>;
}

export function createEnd(
  { control, moves, homes, registry, service, options }: MovingSystem,
  { asking, odd, create }: Requests,
  { finish, work, homeOf }: Ending,
) {
  const movesOf = async ({ id }: Person) => (await moves.list({ userId: id, ended: true }))._unsafeUnwrap();

  /** The records of all homes, as they are there. */
  async function inHome(home: string, { id }: Pick<Person, "id">) {
    const copy = await registry.get(home)?.copy();
    if (!copy) throw new Error(`no home ${home}`);
    const found = new Map<string, { version: number; isDeleted: boolean }>();
    for (const collection of homeCollections)
      for (const entry of await copy.manifest(id, collection, null, 1_000)) found.set(entry.id, entry);
    return found;
  }

  async function expectEnd(told: Told): Promise<void> {
    await finish(told);
    for (const person of told.people.filter(({ isLeaving }) => !isLeaving)) {
      await expectOneHome(told, person);
      await expectRecords(told, person);
    }
    await expectCounts();
    // what is kept can be taken away, and whoever is deleted leaves nothing
    for (const person of told.people) await moves.clean([person.id]);
    await finishTasks();
    for (const person of told.people) {
      const home = (await homeOf(person.id))?.home;
      // what was sent late may have come to a home whose copy was gone
      for (const other of homes)
        if (!person.isLeaving && person.late.length === 0 && other !== home && (await inHome(other, person)).size > 0)
          told.broken.push(`something is left in ${other}`);
      person.isLeaving = true;
      await control.sql(`delete from auth.users where id = '${person.id}'`);
    }
    await finishTasks();
    await purge();
    for (const person of told.people) await expectNothing(told, person);
    expect(told.broken).toEqual([]);
  }
  async function finishTasks(): Promise<void> {
    for (let rounds = 0; ; rounds++) {
      const [row] = await control.sql<{ n: number }>(
        "select count(*)::int as n from switchyard.moves where state = 'kept' and kept_until <= clock_timestamp()",
      );
      if (!row?.n) return;
      if (rounds > 50) throw new Error("kept copies are not cleaned");
      await work();
    }
  }
  async function purge(): Promise<void> {
    await control.sql(
      "update switchyard.tasks set due_at = now(), leased_until = null where queue = 'purge' and done_at is null",
    );
    const { log } = options();
    const done = await runPurges({
      control: service,
      databases: [...registry.values()],
      log,
      clock: Date.now,
    });
    expect(done._unsafeUnwrap().failed).toBe(0);
  }

  async function expectOneHome(told: Told, person: Person): Promise<void> {
    const all = (await movesOf(person)).reverse();
    const made = all.filter(({ switched_at }) => switched_at !== null);
    const way = [person.first, ...made.map(({ target }) => target)];
    expect(await homeOf(person.id)).toEqual({ home: way.at(-1), epoch: way.length });
    const history = await control.sql(
      `select database_provider as home, epoch, event from switchyard.assignment_history where user_id = '${person.id}' order by id`,
    );
    const expected = way.flatMap((home, moved) => [
      ...(moved > 0 ? [{ home: way[moved - 1], epoch: moved, event: "released" }] : []),
      { home, epoch: moved + 1, event: "assigned" },
    ]);
    expect(history).toEqual(expected);
    if (all.some(({ state }) => OPEN.includes(state))) told.broken.push("a move has not ended");
  }

  /** Whichever instance is asked, with whatever token. */
  async function expectRecords(told: Told, person: Person): Promise<void> {
    const lateIn = (await movesOf(person)).flatMap(({ detail }) => detail.late ?? []);
    const { home = "" } = (await homeOf(person.id)) ?? {};
    const there = await inHome(home, person);
    const user = told.people.indexOf(person);
    const slots = [...person.slots.contacts, ...person.slots.loans, ...person.more];
    for (const [number, slot] of slots.entries()) {
      const { id, kind } = slot;
      if (id === undefined) continue;
      const { ask } = asking(told, { user, instance: number, token: told.nextWord + number });
      const floor = floorOf(slot);
      const answer = await ask("GET", `/${kind}/${id}`);
      if (answer.status === 200) {
        told.books.read(slot, floor, answer.body);
        if (there.get(id)?.version !== answer.body.version) odd(told, slot, "another version", answer);
      } else if (answer.status === 404) told.books.missed(slot, floor);
      else odd(told, slot, "read", answer);
      if (kind === "contacts" && number < SLOTS)
        await create(told, { user, instance: number + 1, token: number }, slot);
    }
    for (const { id, version, word, slot } of person.late) {
      const { ask } = asking(told, { user, instance: version, token: 0 });
      const { status, body } = await ask("GET", `/contacts/${id}`);
      const isThere = status === 200 && wordsIn(body.note).includes(word);
      const isListed = lateIn.some((late) => late.id === id && late.version === version);
      // deleted, or changed by somebody who was told of a later state
      const isOvertaken = slot !== undefined && (status === 404 || body.version > version);
      if (!isThere && !isListed && !isOvertaken) told.broken.push(`${word} is lost, and not listed`);
    }
  }

  async function expectCounts(): Promise<void> {
    const counts = await control.sql(`select d.name, d.user_count::int as counted,
        (select count(*)::int from public.user_database_assignments a where a.database_provider = d.name) as there
      from switchyard.databases d`);
    for (const { name, counted, there } of counts) expect([name, counted]).toEqual([name, there]);
  }

  async function expectNothing(told: Told, person: Person): Promise<void> {
    for (const home of homes)
      if ((await inHome(home, person)).size > 0) told.broken.push(`${home} still has something of a deleted user`);
  }

  return { expectEnd };
}
