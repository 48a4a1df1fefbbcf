/**
 * What the replication page is for, as it comes about: a change that MongoDB refuses, because its validator is of an earlier
 * version, and a message that was changed in both databases, because the way to MongoDB was cut for some.
 */
import { type Document, MongoClient, UUID } from "mongodb";
import { vi } from "vitest";
import { createSwitchyardClient } from "../../client/index.ts";
import { readDevelopment } from "../../scripts/dev/development-file.ts";
import { directMessages } from "../../shared/collections/direct-messages.ts";
import { allCollections } from "../../shared/collections/index.ts";
import { byName } from "../../shared/definition/per-collection.ts";
import { createMongoStore } from "../../shared/mongo/store.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { supabaseSource } from "../../shared/replication/source.ts";
import { value } from "../contract/store.ts";
import { HANGS_MS, PATIENT } from "../setup/patience.ts";
import { MONGODB } from "../setup/repositories.ts";
import type { Person } from "./operators.ts";
import type { BrowserSystem } from "./system.ts";

export interface SetAside {
  /** Waits until a change of that person's profile is dead; the answer makes MongoDB take it. */
  makeDead(person: Person): Promise<() => Promise<void>>;
  /** The profile's name in MongoDB's copy. */
  nameInCopy(person: Person): Promise<unknown>;
  /** Waits until a message of theirs to the other was changed in both databases; `later`: what MongoDB was told after `earlier`. */
  makeConflict(author: Person, other: Person, texts: { earlier: string; later: string }): Promise<Contested>;
  close(): Promise<void>;
}
export interface Contested {
  /** What the message says in each of the databases. */
  says(): Promise<{ supabase: unknown; mongodb: unknown }>;
}

/** In that system, whose copy is on. */
export async function openSetAside(system: BrowserSystem): Promise<SetAside> {
  const running = await readDevelopment(system.data);
  if (!running) throw new Error(`no system runs in ${system.data}`);
  const service = serviceClient(
    { SUPABASE_URL: running.url, SUPABASE_SECRET_KEY: running.secretKey },
    { timeoutMs: HANGS_MS },
  );
  const source = supabaseSource(service, []);
  const mongo = new MongoClient(system.mongoUri, { directConnection: true });
  const home = mongo.db("switchyard");
  const replica = mongo.db("switchyard_replica");
  const until = (isSo: () => Promise<boolean>) => vi.waitUntil(isSo, PATIENT);
  const copied = () => until(async () => value(await source.status()).pending === 0);
  const apiOf = (person: Person) => createSwitchyardClient({ url: system.apiUrl, getToken: () => person.token });
  const setName = async (person: Person, name: string) => {
    const answer = await apiOf(person).profile.$put({ json: { name, image_url: null } });
    if (answer.status !== 200) throw new Error(`the profile of ${person.email}: ${answer.status}`);
  };
  const nameInCopy = async ({ id }: Person) =>
    (await replica.collection("profiles").findOne({ user_id: new UUID(id) }))?.name;

  return {
    nameInCopy,
    async makeDead(person) {
      await setName(person, "Ada");
      await until(async () => (await nameInCopy(person)) === "Ada");
      const [info] = await replica.listCollections({ name: "profiles" }, { nameOnly: false }).toArray();
      const validator = (info as { options?: Document } | undefined)?.options?.validator;
      const shorter = { $and: [validator, { name: { $not: /^.{20}/ } }] };
      await replica.command({ collMod: "profiles", validator: shorter });
      // each change is tried at once, and refused: the hours between tries of one change are not waited for
      let changes = 0;
      const change = async () => {
        await setName(person, `Ada, Countess of Lovelace ${++changes}`);
        return value(await source.status()).dead === 1;
      };
      await until(change);
      // the last of them may still be on its way
      await copied();
      return async () => void (await replica.command({ collMod: "profiles", validator }));
    },
    async makeConflict(author, other, { earlier, later }) {
      const api = apiOf(author);
      const room = await api.conversations.$post({ header: {}, json: { user_ids: [other.id] } });
      if (!room.ok) throw new Error(`the conversation: ${room.status}`);
      const { id } = (await room.json()) as { id: string };
      const messages = api.rooms[":id"].messages;
      const said = await messages.$post({ param: { id }, header: {}, json: { content: "As agreed: 40 EUR" } });
      if (said.status !== 201) throw new Error(`the message: ${said.status}`);
      const { id: messageId } = await said.json();
      const inSupabase = async () =>
        (await service.from("direct_messages").select("content").eq("id", messageId)).data?.[0]?.content;
      const inMongo = async () =>
        (await home.collection("direct_messages").findOne({ _id: new UUID(messageId) as never }))?.content;
      await until(async () => (await inSupabase()) === "As agreed: 40 EUR");
      await copied();
      await system.mongo.set("refuse");
      const change = () =>
        messages[":messageId"].$patch({ param: { id, messageId }, header: {}, json: { content: earlier } });
      // until the instance has seen that MongoDB is away
      await until(async () => (await change()).status === 200);
      // as an instance writes it whose way is open; what is said in a room is the room's
      const store = createMongoStore({
        ...{ db: home, userId: id, site: MONGODB.site, all: byName(allCollections), maxTimeMs: HANGS_MS },
      });
      value(await store.update(directMessages, messageId, { content: later }));
      await system.mongo.set("pass");
      await until(async () => value(await source.status()).conflicts === 1);
      return { says: async () => ({ supabase: await inSupabase(), mongodb: await inMongo() }) };
    },
    close: () => mongo.close(),
  };
}
