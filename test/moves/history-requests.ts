/** What users ask in random histories of moves, and what each answer says. */
import type { MongoClient } from "mongodb";
import { contacts } from "../../shared/collections/contacts.ts";
import { allCollections } from "../../shared/collections/index.ts";
import type { ApiInstance } from "../attack/api.ts";
import { callerOf } from "../attack/caller.ts";
import { mongoRepositories, SITES } from "../setup/repositories.ts";
import type { Action } from "./history-actions.ts";
import { floorOf, newSlot, type Slot, textOf } from "./history-books.ts";
import { at, type Listing, type Person, type Told } from "./history-told.ts";
import type { MovingSystem } from "./system.ts";

export type Requests = ReturnType<typeof createRequests>;

/** `mongos`: of the homes that are a MongoDB, past every instance. */
export function createRequests(
  { control }: Pick<MovingSystem, "control">,
  instances: readonly ApiInstance[],
  mongos: ReadonlyMap<string, MongoClient>,
) {
  /** What an instance answers; nothing counts any more once the user is being deleted. */
  function asking(told: Told, { user, instance, token }: { user: number; instance: number; token: number }) {
    const person = at(told.people, user);
    const call = callerOf(at(instances, instance), at(person.tokens, token));
    const ask: typeof call = async (...request) => {
      const answer = await call(...request);
      const { status, body } = answer;
      const isFine = status < 500 || (status === 503 && request[0] !== "GET");
      if (!person.isLeaving && !isFine)
        told.broken.push(`${request[0]} ${request[1]}: ${status} ${JSON.stringify(body)}`);
      return person.isLeaving ? { ...answer, status: 0 } : answer;
    };
    return { person, ask };
  }
  const odd = (told: Told, slot: Slot, did: string, { status, body }: { status: number; body: unknown }) =>
    told.broken.push(`${slot.kind} ${slot.number}: ${did}: ${status} ${JSON.stringify(body)}`);

  async function read(told: Told, by: Extract<Action, { do: "read" }>): Promise<void> {
    const { person, ask } = asking(told, by);
    const slot = at(person.slots[by.kind], by.which);
    if (slot.id === undefined) return;
    const floor = floorOf(slot);
    const answer = await ask("GET", `/${by.kind}/${slot.id}`);
    if (answer.status === 200) told.books.read(slot, floor, answer.body);
    else if (answer.status === 404) told.books.missed(slot, floor);
    else if (answer.status !== 0) odd(told, slot, "read", answer);
  }

  async function write(told: Told, by: Extract<Action, { do: "write" }>): Promise<void> {
    const { person, ask } = asking(told, by);
    const slot = at(person.slots[by.kind], by.which);
    if (by.verb === "create") return create(told, by, slot);
    if (slot.id === undefined) return;
    const path = `/${by.kind}/${slot.id}`;
    if (by.verb === "delete") {
      const floor = floorOf(slot);
      slot.isUnwanted = true;
      const answer = await ask("DELETE", path);
      if (answer.status === 204) told.books.deleted(slot, floor);
      else if (answer.status === 404) told.books.missed(slot, floor);
      else if (answer.status === 409 && by.kind === "contacts" && at(person.slots.loans, by.which).isAsked) return;
      else if (![0, 503].includes(answer.status)) odd(told, slot, "delete", answer);
      return;
    }
    const before = floorOf(slot);
    const found = await ask("GET", path);
    if (found.status === 404) told.books.missed(slot, before);
    if (found.status !== 200) return;
    told.books.read(slot, before, found.body);
    const floor = floorOf(slot);
    const word = `w${told.nextWord++}`;
    slot.tried.add(word);
    const text = `${textOf(found.body)} ${word}`;
    const answer = await ask("PATCH", path, by.kind === "contacts" ? { note: text } : { description: text }, {
      "if-match": `"${found.body.version}"`,
    });
    if (answer.status === 200) told.books.wrote(slot, floor, answer.body, word);
    else if (answer.status === 404) told.books.missed(slot, floor);
    else if (![0, 412, 503].includes(answer.status)) odd(told, slot, "change", answer);
  }

  const bodyOf = (person: Person, slot: Slot, word: string) =>
    slot.kind === "contacts"
      ? { name: `Contact ${slot.number}`, note: word }
      : {
          ...{ id: slot.id, contact_id: at(person.slots.contacts, slot.number).id, direction: "lent" },
          ...{ amount: "12.50", currency: "EUR", date: "2026-03-14", description: word },
        };

  async function create(told: Told, by: { user: number; instance: number; token: number }, slot: Slot): Promise<void> {
    const { person, ask } = asking(told, by);
    const parent = slot.kind === "loans" ? at(person.slots.contacts, slot.number) : undefined;
    if (parent && parent.id === undefined) return;
    const word = `${slot.key}-made`;
    slot.tried.add(word);
    slot.isAsked = true;
    const wasThere = slot.isThere;
    const floor = floorOf(slot);
    const keyed: Record<string, string> = slot.kind === "contacts" ? { "idempotency-key": slot.key } : {};
    const answer = await ask("POST", `/${slot.kind}`, bodyOf(person, slot, word), keyed);
    const { status, body } = answer;
    // the same answer again, which is what is there by now
    if (status === 201 && slot.kind === "contacts") {
      told.books.read(slot, floor, body);
      slot.words.add(word);
    } else if (status === 201) {
      if (wasThere && !slot.isUnwanted) odd(told, slot, "made twice", answer);
      // one that was deleted may be made again, which says nothing more of it
      if (slot.isUnwanted) slot.isGone = false;
      else told.books.wrote(slot, floor, body, word);
    } else if (status === 410 && slot.isUnwanted) slot.isGone = true;
    else if (status === 409 && slot.kind === "loans") return;
    else if (status === 422 && parent?.isUnwanted) return;
    else if (![0, 503].includes(status)) odd(told, slot, "create", answer);
  }

  async function page(told: Told, by: Extract<Action, { do: "page" }>): Promise<void> {
    const { person, ask } = asking(told, by);
    const listing: Listing = person.listing ?? {
      ...{ cursor: "", seen: [] },
      whole: [...person.slots.contacts, ...person.more].filter(({ isThere, isUnwanted }) => isThere && !isUnwanted),
    };
    person.listing = listing;
    const { cursor } = listing;
    const answer = await ask("GET", `/contacts?sort=name&limit=1${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    if (answer.status === 0 || person.listing !== listing || listing.cursor !== cursor) return;
    if (answer.status !== 200) return void told.broken.push(`a page: ${answer.status} ${JSON.stringify(answer.body)}`);
    listing.seen.push(...answer.body.items.map(({ id }: { id: string }) => id));
    listing.cursor = answer.body.next_cursor ?? "";
    if (listing.cursor === "") endOf(told, person);
  }
  function endOf(told: Told, person: Person): void {
    const { seen, whole } = person.listing as Listing;
    person.listing = undefined;
    if (new Set(seen).size < seen.length) told.broken.push(`listed twice: ${seen}`);
    const missing = whole.filter(({ id, isUnwanted }) => !isUnwanted && !seen.includes(id ?? ""));
    if (missing.length > 0) told.broken.push(`not listed: ${missing.map(({ key }) => key)}`);
  }

  /** Supabase's own REST, with whatever token. */
  async function rest(told: Told, { user, token, verb }: Extract<Action, { do: "rest" }>): Promise<void> {
    const person = at(told.people, user);
    const { jwt, home } = at(person.tokens, token);
    const headers = {
      ...{ apikey: control.publishableKey, authorization: `Bearer ${jwt}` },
      ...{ "content-type": "application/json", prefer: "return=representation" },
    };
    const url = `${control.url}/rest/v1/contacts`;
    if (verb === "create") {
      const slot = newSlot("contacts", 10 + person.more.length, crypto.randomUUID());
      const word = `w${told.nextWord++}`;
      slot.tried.add(word);
      slot.isAsked = true;
      person.more.push(slot);
      const floor = floorOf(slot);
      const row = { user_id: person.id, id: slot.id, name: `Contact ${slot.number}`, note: word };
      const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(row) });
      if (answer.status === 201) told.books.wrote(slot, floor, (await answer.json())[0], word);
      return;
    }
    const slot = at([...person.slots.contacts, ...person.more], token);
    if (slot.id === undefined) return;
    const floor = floorOf(slot);
    const answer = await fetch(`${url}?select=id,version,note&id=eq.${slot.id}`, { headers });
    if (answer.status !== 200 || person.isLeaving) return;
    const [record] = await answer.json();
    if (record) told.books.read(slot, floor, record);
    else if (home === "supabase") told.books.missed(slot, floor);
  }

  async function writeLate(told: Told, action: Extract<Action, { do: "late write" }>): Promise<void> {
    const person = at(told.people, action.user);
    const client = mongos.get(person.first);
    if (!client || person.isLeaving) return;
    const { repository } = mongoRepositories({
      ...{ db: client.db(), userId: person.id, all: allCollections },
      site: SITES[person.first as "mongodb" | "atlas"],
      now: () => Date.now() + action.apartMs,
    });
    const word = `late${told.nextWord++}`;
    if (action.verb === "create") {
      const made = await repository(contacts).create({ name: `Late ${word}`, note: word });
      if (made.isOk()) person.late.push({ ...made.value, word, slot: undefined });
      return;
    }
    const slot = at(person.slots.contacts, action.which);
    if (slot.id === undefined) return;
    const found = await repository(contacts).get(slot.id);
    if (found.isErr()) return;
    slot.tried.add(word);
    const change = { note: `${found.value.note} ${word}` };
    const changed = await repository(contacts).update(slot.id, change, { expectedVersion: found.value.version });
    if (changed.isOk()) person.late.push({ id: slot.id, version: changed.value.version, word, slot });
  }

  return { asking, odd, read, write, create, page, rest, writeLate };
}
