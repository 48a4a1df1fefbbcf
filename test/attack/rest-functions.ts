/** Functions over REST: those on the list say the same about Ann as about nobody; all others say nothing. */
import { describe, expect, test } from "vitest";
import { every } from "../contract/suite/samples.ts";
import { allowedFunctions } from "./rest-allowed.ts";
import { type RestAnswer, type RestAttack, WHO } from "./rest-attack.ts";

interface Signature {
  name: string;
  names: string[];
  types: string[];
}
/** Whom a call is aimed at. */
interface Aim {
  owner: string;
  id: string;
}
type Arguments = Record<string, unknown>;

const filter = (operator: string) => (field: string, value: string) => JSON.stringify([{ field, operator, value }]);
const [eq, oneOf] = [filter("eq"), filter("in")];
const CHOICES: Readonly<Record<string, (aim: Aim, collection: string) => unknown[]>> = {
  p_collection: (_, collection) => [collection],
  p_user_id: ({ owner }) => [owner],
  p_id: ({ id }) => [id],
  p_filters: ({ owner, id }) => [
    "[]",
    eq("id", id),
    eq("user_id", owner),
    oneOf("id", id),
    oneOf("id", "' or true --"),
    '[{"field":"id","operator":"; drop"}]',
  ],
  p_search: () => [null, ""],
  p_order: () => [
    '[{"field":"id"}]',
    '[{"field":"user_id","descending":true}]',
    '[{"field":"id" desc; drop table public.contacts; --"}]',
  ],
  p_after: ({ id }) => [null, JSON.stringify([id]), JSON.stringify([null]), JSON.stringify([id, id]), "{}"],
  p_name: () => ["id", "ctid", 'id" from auth.users; --'],
  p_limit: () => [100],
  p_owner_column: () => ["user_id", "owner_id", "id", 'user_id" is not null or true --'],
  p_columns: () => ['["id","user_id","version","search_text","create_hash"]'],
  p_by: () => [null, "user_id"],
  p_month: () => [null],
  p_money: () => [null],
  p_currency: () => [null, '{"reference":"id","collection":"contacts","field":"name"}'],
  p_version: () => [null, 1],
  p_changes: ({ owner, id }) => ["{}", JSON.stringify({ created_at: null }), JSON.stringify({ user_id: owner, id })],
  p_record: ({ owner, id }) => [
    JSON.stringify({ user_id: owner, id }),
    JSON.stringify({ user_id: owner, id, create_hash: "x" }),
    JSON.stringify({ owner_id: owner, id }),
  ],
};

function anything(type: string, aim: Aim): unknown {
  const { owner } = aim;
  if (type.endsWith("[]")) return [anything(type.slice(0, -2), aim)];
  if (type === "uuid") return owner;
  if (/int|numeric/.test(type)) return 1;
  if (type === "boolean") return true;
  if (/timestamp/.test(type)) return "2020-01-01T00:00:00Z";
  return /json/.test(type) ? { user_id: owner } : "mongodb";
}

function isJson(value: unknown): boolean {
  if (typeof value !== "string") return true;
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

/** The first choice for every argument, and each other choice once. */
function argumentsFor({ names, types }: Signature, aim: Aim, collection: string): Arguments[] {
  const all = names.map((name, at) => {
    const isTask = name === "p_id" && types[at] === "bigint";
    const values = (isTask ? undefined : CHOICES[name]?.(aim, collection)) ?? [anything(types[at] ?? "", aim)];
    // what is no JSON never reaches a function that takes JSON, whoever may call it
    return { name, values: types[at] === "jsonb" ? values.filter(isJson) : values };
  });
  const first = Object.fromEntries(all.map(({ name, values }) => [name, values[0]]));
  return [first, ...all.flatMap(({ name, values }) => values.slice(1).map((value) => ({ ...first, [name]: value })))];
}

/** Attacked with every choice of arguments; all other collections, and names that are none, with the first. */
const CHOSEN = ["contacts", "expenses", "loan_payments", "payments"];
const NO_COLLECTIONS = [
  "user_database_assignments",
  "nothing",
  'x" t; drop table public.expenses; --',
  "pg_class",
  "users",
];

export function attackFunctions(of: () => RestAttack): void {
  describe("functions", () => {
    const all = () =>
      of().database.sql<Signature>(
        `select p.proname::text as name, coalesce(p.proargnames[1:p.pronargs], '{}') as names,
           array(select format_type(t, null) from unnest(p.proargtypes) t) as types
         from pg_proc p where p.pronamespace = 'public'::regnamespace`,
      );
    const aimAt = (collection: string): Aim => ({
      owner: of().ann.id,
      id: of().anns.get(collection)?.id ?? of().ann.id,
    });

    test("that are not on the list answer nobody, those on it not without a user", async () => {
      const before = await of().belongings();
      const functions = await all();
      expect(functions.length).toBeGreaterThan(allowedFunctions.length + 10);
      for (const who of WHO)
        for (const signature of functions.filter(({ name }) => who === "anonymous" || !allowedFunctions.includes(name)))
          for (const input of argumentsFor(signature, aimAt("contacts"), "contacts")) {
            const { status, value } = await of().ask(who, "POST", `rpc/${signature.name}`, { input });
            const refused = status >= 400 && /^(42501|PGRST20[12])$/.test(value.code);
            expect([who, signature.name, refused ? "refused" : value]).toEqual([who, signature.name, "refused"]);
          }
      expect(await of().belongings()).toEqual(before);
    });

    test("that are on the list say the same about Ann as about nobody, and change nothing", async () => {
      const before = await of().belongings();
      const nobody: Aim = { owner: crypto.randomUUID(), id: crypto.randomUUID() };
      // where there is no record of Ann's to aim at, it is herself
      const nobodyLike = ({ owner, id }: Aim): Aim => (id === owner ? { ...nobody, id: nobody.owner } : nobody);
      const say = ({ status, text }: RestAnswer, { owner, id }: Aim) =>
        `${status} ${text.replaceAll(id, "<id>").replaceAll(owner, "<owner>")}`;
      for (const signature of (await all()).filter(({ name }) => allowedFunctions.includes(name)))
        for (const who of ["eve", "mo"] as const)
          for (const collection of signature.names.includes("p_collection")
            ? [...every, ...NO_COLLECTIONS]
            : ["contacts"]) {
            const aim = aimAt(collection);
            const about = argumentsFor(signature, aim, collection).slice(
              0,
              CHOSEN.includes(collection) ? undefined : 1,
            );
            const like = nobodyLike(aim);
            const others = argumentsFor(signature, like, collection);
            for (const [at, input] of about.entries()) {
              const path = `rpc/${signature.name}`;
              const what = `${who} ${signature.name} ${JSON.stringify(input)}`;
              const said = say(await of().ask(who, "POST", path, { input }), aim);
              expect([what, said]).toEqual([what, say(await of().ask(who, "POST", path, { input: others[at] }), like)]);
              for (const { id } of of().anns.values()) expect([what, said.includes(id)]).toEqual([what, false]);
            }
          }
      expect(await of().belongings()).toEqual(before);
    });

    test("do not do what the tables do not allow: another owner, an id, a version, a time", async () => {
      const changes = { user_id: of().ann.id, id: crypto.randomUUID(), version: 1, create_hash: "x", search_text: "x" };
      for (const [column, value] of Object.entries({ ...changes, created_at: "2000-01-01T00:00:00Z" })) {
        const input = {
          p_collection: "contacts",
          p_user_id: of().callers.eve?.id,
          p_id: of().eves.get("contacts")?.id,
          p_changes: JSON.stringify({ [column]: value }),
          p_version: null,
          p_columns: '["id","user_id","version"]',
        };
        const answer = await of().ask("eve", "POST", "rpc/records_update", { input });
        const code = answer.value.error ?? answer.value.code;
        expect([column, code]).toEqual([column, expect.stringMatching(/^(42501|428C9)$/)]);
      }
    });
  });
}
