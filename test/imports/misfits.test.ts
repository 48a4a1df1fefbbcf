/** Users and records that do not fit, each for another reason: named, and in nobody's way. */
import { type Document, ObjectId } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { homeCollections } from "../../shared/collections/index.ts";
import { uuidOf } from "../../shared/imports/source-ids.ts";
import { type Legacy, legacyUser, MAP, startLegacy, transaction, wallet } from "./legacy.ts";
import { type ImportingSystem, startImportingSystem } from "./system.ts";

let system: ImportingSystem;
let legacy: Legacy;
const idOf = ({ _id }: Document, part = 0) => uuidOf("", String(_id), part);

interface Misfit {
  name: string;
  /** what is wrong */
  documents: (user: Document) => { user?: Document; wallets?: Document[]; transactions?: Document[] };
  /** how it is told: by which document, field and reason */
  found: { from: string; field: string; reason: string | RegExp; value?: string | RegExp };
}

const own = new ObjectId();
const MISFITS: Misfit[] = [
  {
    name: "decimals",
    documents: ({ _id }) => ({ transactions: [transaction(_id, null, { amount: 12.345 })] }),
    found: { from: "transactions", field: "amount", reason: "has 3 decimals, and the scale is 2", value: "12.345" },
  },
  {
    name: "no-number",
    documents: ({ _id }) => ({ transactions: [transaction(_id, null, { amount: "a lot" })] }),
    found: { from: "transactions", field: "amount", reason: "is no number", value: "a lot" },
  },
  {
    name: "no-amount",
    documents: ({ _id }) => ({ transactions: [transaction(_id, null, { amount: null })] }),
    found: { from: "transactions", field: "amount", reason: /./ },
  },
  {
    name: "no-day",
    documents: ({ _id }) => ({ transactions: [transaction(_id, null, { date: "yesterday" })] }),
    found: { from: "transactions", field: "date", reason: /neither an instant nor a day/, value: "yesterday" },
  },
  {
    name: "february",
    documents: ({ _id }) => ({ transactions: [transaction(_id, null, { date: "2025-02-30" })] }),
    found: { from: "transactions", field: "date", reason: /./, value: "2025-02-30" },
  },
  {
    name: "currency",
    documents: ({ _id }) => ({ transactions: [transaction(_id, null, { currency: "euro" })] }),
    found: { from: "transactions", field: "currency", reason: /./, value: "euro" },
  },
  {
    name: "lost-wallet",
    documents: ({ _id }) => ({ transactions: [transaction(_id, new ObjectId())] }),
    found: {
      from: "transactions",
      field: "category_id",
      reason: "refers to what the import does not make in categories",
    },
  },
  {
    name: "unknown-type",
    documents: ({ _id }) => ({ wallets: [wallet(_id, "Coins", { type: "crypto" })] }),
    found: { from: "wallets", field: "type", reason: /the map does not name/, value: "crypto" },
  },
  {
    name: "long-name",
    documents: ({ _id }) => ({ wallets: [wallet(_id, "x".repeat(5_000))] }),
    found: { from: "wallets", field: "name", reason: /./, value: /^x+…$/ },
  },
  {
    name: "no-address",
    documents: (user) => ({ user: { ...user, email: "nobody at home" } }),
    found: { from: "users", field: "email", reason: "is no e-mail address", value: "nobody at home" },
  },
  {
    name: "same-address",
    documents: (user) => ({ user: { ...user, email: "FINE@misfits.test" } }),
    found: { from: "users", field: "email", reason: "is the address of two users", value: "fine@misfits.test" },
  },
  {
    name: "taken",
    documents: () => ({}),
    found: {
      from: "users",
      field: "email",
      reason: "somebody here has that address already",
      value: "taken@misfits.test",
    },
  },
  {
    name: "here",
    documents: (user) => ({ user: { ...user, _id: own } }),
    found: { from: "users", field: "email", reason: "is here already, with the id that the import would give" },
  },
];
/** whom a trigger of the project's own refuses when everything else is there */
let refused: Document;
let fine: Document;
const users = new Map<string, Document>();
const isIt = (wanted: string | RegExp) => (typeof wanted === "string" ? wanted : expect.stringMatching(wanted));

beforeAll(async () => {
  [system, legacy] = await Promise.all([startImportingSystem("misfits"), startLegacy("legacy_misfits")]);
  fine = legacyUser("fine@misfits.test", null);
  const wallets: Document[] = [wallet(fine._id, "Cash")];
  const transactions: Document[] = [transaction(fine._id, wallets[0]?._id)];
  for (const { name, documents } of MISFITS) {
    const plain = legacyUser(`${name}@misfits.test`, null);
    const made = documents(plain);
    users.set(name, made.user ?? plain);
    const bank = wallet(made.user?._id ?? plain._id, "Bank");
    wallets.push(bank, ...(made.wallets ?? []));
    // everything else of theirs is as it should be
    transactions.push(transaction(bank.userId, bank._id), ...(made.transactions ?? []));
  }
  refused = legacyUser("refused@misfits.test", null);
  wallets.push(wallet(refused._id, "Cash"));
  await legacy.db.collection("users").insertMany([fine, ...users.values(), refused]);
  await legacy.db.collection("wallets").insertMany(wallets);
  await legacy.db.collection("transactions").insertMany(transactions);
  await system.control.sql(
    `insert into auth.users (id, aud, role, email) values
       (gen_random_uuid(), 'authenticated', 'authenticated', 'taken@misfits.test'),
       ('${uuidOf("", String(own))}', 'authenticated', 'authenticated', 'somebody@misfits.test')`,
  );
  await system.control.sql(`create function public.refuse_some() returns trigger language plpgsql as $$ begin
    if new.email like 'refused@%' then raise exception 'not in this house'; end if;
    return new;
  end $$`);
  await system.control.sql(
    "create trigger refuse_some before insert on auth.users for each row execute function public.refuse_some()",
  );
});
afterAll(async () => {
  await legacy?.stop();
  await system?.stop();
});

const addresses = async () =>
  (await system.control.sql<{ email: string }>("select email from auth.users order by email")).map(
    ({ email }) => email,
  );

describe("a dry run", () => {
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  let said: any;
  beforeAll(async () => {
    said = await system.runJson("--dry-run", `--from=${legacy.uri}`, `--map=${MAP}`);
  });

  test.each(MISFITS)("names $name: the collection, the id, the field, and why", ({ name, found }) => {
    const { from, field, reason, value } = found;
    const told = said.findings.filter(
      // biome-ignore lint/suspicious/noExplicitAny: any JSON
      (each: any) => each.from === from && each.field === field && new RegExp(reason).test(each.reason),
    );
    expect(told.map(({ isNote }: { isNote: boolean }) => isNote)).toEqual(told.map(() => false));
    const examples = told.flatMap((each: { examples: unknown[] }) => each.examples);
    const id = from === "users" ? String(users.get(name)?._id) : expect.stringMatching(/^[0-9a-f]{24}$/);
    expect(examples).toContainEqual(value === undefined ? expect.objectContaining({ id }) : { id, value: isIt(value) });
  });

  test("counts who would come and who would not, and changes nothing", async () => {
    expect(said).toMatchObject({ fit: 2, unfit: MISFITS.length, is_all: true });
    expect(await addresses()).toEqual(["somebody@misfits.test", "taken@misfits.test"]);
  });
});

describe("a run", () => {
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  let said: any;
  beforeAll(async () => {
    said = await system.runJson(`--from=${legacy.uri}`, `--map=${MAP}`);
  });

  test("takes in whoever fits, and says who failed and why", async () => {
    expect(said).toMatchObject({ imported: 1, failed: MISFITS.length + 1, verified: { is_verified: true, users: 1 } });
    expect(await addresses()).toEqual(["fine@misfits.test", "somebody@misfits.test", "taken@misfits.test"]);
    expect(await system.recordsIn("mongodb", idOf(fine))).toBe(3);
    expect(said.findings).toContainEqual(
      expect.objectContaining({
        ...{ from: "users", isNote: false, reason: expect.stringContaining("not in this house") },
        examples: [{ id: String(refused._id), value: "refused@misfits.test" }],
      }),
    );
  });

  test("ends with a code of its own, and says how to see them and how they are tried again", async () => {
    const { code, out, err } = await system.run(`--from=${legacy.uri}`, `--map=${MAP}`);
    expect(code).toBe(3);
    expect(out).toContain(`1 users imported (1 of them before), ${MISFITS.length + 1} failed.`);
    expect(err).toBe(
      `${MISFITS.length + 1} users were not imported, and everybody else was. "import status ${said.run}" says who, and why. ` +
        "Mend the source, and the same command tries them again.",
    );
    const dry = await system.run(`--from=${legacy.uri}`, `--map=${MAP}`, "--dry-run");
    expect([dry.code, dry.err]).toEqual([3, expect.stringMatching(/users would not be imported/)]);
    const [status] = await system.runJson("status", String(said.run));
    const failed = new Map(status.apart.map((each: Document) => [each.source_id, each]));
    expect(status.apart).toHaveLength(MISFITS.length + 1);
    for (const { name, found } of MISFITS) {
      const { _id } = users.get(name) as Document;
      const where = found.from === "users" ? String(_id) : "[0-9a-f]{24}";
      const reason = expect.stringMatching(
        // who is in the way of the whole user is said as it is
        ["taken", "here"].includes(name) ? /already/ : new RegExp(`^${found.from}\\.${found.field} of ${where}: `),
      );
      expect(failed.get(String(_id))).toMatchObject({ state: "failed", reason });
    }
    const { out: shown } = await system.run("status", String(said.run));
    expect(shown).toMatch(
      new RegExp(`failed +${users.get("decimals")?._id}: transactions.amount of [0-9a-f]{24}: has 3 decimals`),
    );
  });

  test("leaves nothing of whoever has failed, in no collection of either home", async () => {
    for (const home of ["mongodb", "supabase"])
      for (const user of [...users.values(), refused]) expect(await system.recordsIn(home, idOf(user))).toBe(0);
    const homes = await system.control.sql("select count(*)::int as n from public.user_database_assignments");
    // the two who were here, and the one who came
    expect(homes).toEqual([{ n: 3 }]);
    expect(homeCollections.length).toBeGreaterThan(5);
  });

  test("goes on, when the source is mended, with those who had failed", async () => {
    await legacy.db.collection("transactions").updateMany({ amount: 12.345 }, { $set: { amount: 12.34 } });
    await system.control.sql("drop trigger refuse_some on auth.users");
    const again = await system.runJson(`--from=${legacy.uri}`, `--map=${MAP}`);
    expect(again).toMatchObject({ run: said.run, imported: 2, before: 1, failed: MISFITS.length - 1 });
    expect(await system.recordsIn("mongodb", idOf(refused))).toBe(2);
    expect(await system.runJson("status")).toMatchObject([{ id: said.run, users: { done: 3 }, state: "done" }]);
    const undone = await system.runJson("undo", String(said.run));
    expect(undone).toMatchObject({ undone: 3, kept: [] });
    expect(await addresses()).toEqual(["somebody@misfits.test", "taken@misfits.test"]);
    for (const user of [fine, ...users.values(), refused])
      expect(await system.recordsIn("mongodb", idOf(user))).toBe(0);
  });
});
