/** Collections that have a place of their own: their records are there, wherever their owners are at home. */
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allCollections } from "../../shared/collections/index.ts";
import { loadApiConfig } from "../../shared/config.ts";
import type { Repository } from "../../shared/contract/repository.ts";
import { type Collection, defineCollection, owner, pinned } from "../../shared/definition/define.ts";
import { currency, money, name, reference, text, withDefault } from "../../shared/definition/fields.ts";
import { createLog } from "../../shared/log.ts";
import { prepareMongo } from "../../shared/mongo/prepare.ts";
import { createRouter, type Router } from "../../shared/placement/router.ts";
import { collectionSql } from "../../shared/postgres/schema/collection-sql.ts";
import { outcome, value } from "../contract/store.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { pathVariables } from "../setup/path.ts";
import { PATIENT_VARIABLES } from "../setup/patience.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { MONGODB, SITES } from "../setup/repositories.ts";
import { type Home, newUser } from "../setup/users.ts";

const HOMES: readonly Home[] = ["supabase", "mongodb"];

/** A parent, and a child with an owner of another name. */
function family(place: Home): { accounts: Collection; bookings: Collection } {
  const accounts = defineCollection({
    name: `${place}_accounts`,
    title: "account",
    placement: pinned(place),
    scope: owner("owner_id"),
    fields: { name: name(), currency: currency(), note: withDefault(text(100), "") },
    unique: [["name"]],
    search: ["name"],
  });
  const bookings = defineCollection({
    name: `${place}_bookings`,
    title: "booking",
    placement: pinned(place),
    scope: owner("clerk_id"),
    fields: { amount: money(), account_id: reference(accounts.name) },
    currency: { reference: "account_id", field: "currency" },
  });
  return { accounts: accounts as unknown as Collection, bookings: bookings as unknown as Collection };
}
const families = { supabase: family("supabase"), mongodb: family("mongodb") };
const collections = [...allCollections, ...HOMES.flatMap((place) => Object.values(families[place]))];

let database: OwnDatabase;
let mongo: MongoClient;
let router: Router;

beforeAll(async () => {
  database = await startOwnDatabase();
  for (const collection of Object.values(families.supabase))
    await database.sql(`do $script$ begin execute $text$${collectionSql(collection, collections)}$text$; end $script$`);
  const uri = await preparedMongo("pinned");
  mongo = new MongoClient(uri);
  await prepareMongo(mongo.db(), collections, MONGODB);
  const config = loadApiConfig({
    SUPABASE_URL: database.url,
    SUPABASE_PUBLISHABLE_KEY: database.publishableKey,
    SUPABASE_SECRET_KEY: database.secretKey,
    MONGODB_URI: uri,
    ...pathVariables(database),
    ...PATIENT_VARIABLES,
  });
  router = createRouter({ config, collections, log: createLog({ level: "silent" }) });
});
afterAll(async () => {
  await router?.close();
  await mongo?.db().dropDatabase();
  await mongo?.close();
  await database?.stop();
});

type Rows = Repository<Record<string, unknown>, Record<string, unknown>, Record<string, unknown>>;
const page = { filters: [], sort: { field: "created_at", direction: "asc" }, limit: 10 } as const;

/** How many records of the owner there are in each database, whatever the product says. */
async function countBehind(id: string, { accounts }: { accounts: Collection }, place: Home) {
  const { UUID } = await import("mongodb");
  if (place === "mongodb")
    return mongo
      .db()
      .collection(accounts.name)
      .countDocuments({ owner_id: new UUID(id) });
  const [row] = await database.sql<{ rows: number }>(
    `select count(*)::int as rows from public.${accounts.name} where owner_id = $1`,
    [id],
  );
  return row?.rows;
}

describe.each(HOMES.flatMap((place) => HOMES.map((home) => ({ place, home }))))(
  "pinned to $place, an owner at home in $home",
  ({ place, home }) => {
    const { accounts, bookings } = families[place];
    const open = async () => {
      const { id, jwt } = await newUser({ home, on: database });
      const user = { id, jwt, home, homeEpoch: 1 };
      const of = async (collection: Collection) => value(await router.repository(collection, user)) as unknown as Rows;
      const asked: string[] = [];
      const timed = { ...user, onCall: (name: string) => asked.push(name) };
      return { id, asked, timed, accounts: await of(accounts), bookings: await of(bookings) };
    };

    test("their records are kept there, and nowhere else", async () => {
      const ann = await open();
      const made = value(await ann.accounts.create({ name: "Cash", currency: "EUR" }));
      expect(made).toMatchObject({ owner_id: ann.id, name: "Cash", note: "" });
      expect(Number(made.version) % 8).toBe(SITES[place]);
      expect(await countBehind(ann.id, families[place], place)).toBe(1);
      expect(value(await ann.accounts.get(String(made.id)))).toEqual(made);
      const changed = value(await ann.accounts.update(String(made.id), { note: "since" }));
      expect(value(await ann.accounts.list({ ...page, q: "CASH" })).items).toEqual([changed]);
      const again = value(await router.repository(accounts, ann.timed));
      expect(value(await again.count({ filters: [] }))).toBe(1);
      // the home is nobody's question
      expect(ann.asked).toEqual([place]);
      expect(outcome(await ann.accounts.create({ name: "Cash", currency: "USD" }))).toBe("duplicate");
      expect(value(await ann.accounts.delete(String(made.id)))).toBeUndefined();
      expect(value(await ann.accounts.count({ filters: [] }))).toBe(0);
    });

    test("nobody else sees or touches them, or refers to them", async () => {
      const [ann, eve] = [await open(), await open()];
      const made = value(await ann.accounts.create({ name: "Cash", currency: "EUR" }));
      const id = String(made.id);
      expect(value(await eve.accounts.list(page)).items).toEqual([]);
      for (const answer of [
        await eve.accounts.get(id),
        await eve.accounts.update(id, { note: "taken" }),
        await eve.accounts.delete(id),
      ])
        expect(outcome(answer)).toBe("not_found");
      expect(outcome(await eve.bookings.create({ amount: "1", account_id: id }))).toBe("invalid_reference");
      expect(value(await eve.accounts.create({ name: "Cash", currency: "EUR" })).owner_id).toBe(eve.id);
      expect(value(await ann.accounts.list(page)).items).toEqual([made]);
    });

    test("references hold, in both directions, and amounts are added by the parent's currency", async () => {
      const ann = await open();
      const account = value(await ann.accounts.create({ name: "Cash", currency: "EUR" }));
      const booking = value(await ann.bookings.create({ amount: "1.50", account_id: account.id }));
      expect(booking).toMatchObject({ clerk_id: ann.id, account_id: account.id });
      expect(outcome(await ann.bookings.update(String(booking.id), { account_id: crypto.randomUUID() }))).toBe(
        "invalid_reference",
      );
      expect(outcome(await ann.accounts.delete(String(account.id)))).toBe("referenced");
      expect(value(await ann.bookings.summarize({ filters: [] }))).toMatchObject([{ currency: "EUR", sum: "1.50" }]);
      expect(value(await ann.bookings.delete(String(booking.id)))).toBeUndefined();
      expect(value(await ann.accounts.delete(String(account.id)))).toBeUndefined();
    });
  },
);
