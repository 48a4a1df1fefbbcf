/** Tables and columns over REST: what is not on the list is refused, and what is on it shows the caller's own rows only. */
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { referencesFrom } from "../../shared/definition/references.ts";
import { type Body, byName, every, ownerField } from "../contract/suite/samples.ts";
import { allowedRelations, ledgerRelations } from "./rest-allowed.ts";
import { type RestAnswer, type RestAttack, WHO } from "./rest-attack.ts";

const exact = { headers: { prefer: "count=exact" } };
/** Refused for who asks, and not for what a row holds. (428C9: a generated column.) */
const isDenied = ({ status, value }: RestAnswer) =>
  status >= 400 && ["42501", "428C9", "PGRST204", "PGRST205"].includes(value.code) && !/row-level/.test(value.message);

export function attackTables(of: () => RestAttack): void {
  describe.each(WHO)("tables and columns, asked by %s", (who) => {
    let before: unknown;
    beforeAll(async () => {
      before = await of().belongings();
    });
    afterEach(async () => expect(await of().belongings()).toEqual(before));

    const relations = () => of().relations.filter(({ name }) => !ledgerRelations[name]);
    const ask: RestAttack["ask"] = (...asked) => of().ask(...asked);
    /** May do it at all, before row-level security is asked. */
    const may = (name: string, verb: "select" | "insert" | "update", column: string) =>
      who !== "anonymous" && (allowedRelations[name]?.[verb].includes(column) ?? false);

    /** Rows of the caller's own at most, and no number of others'. */
    function onlyOwn(what: string, owner: string, { value, range }: RestAnswer) {
      const rows = value as Body[];
      const own = of().callers[who]?.id;
      expect([what, rows.filter((row) => row[owner] !== own)]).toEqual([what, []]);
      const total = range?.split("/")[1];
      if (total !== undefined && total !== "*") expect([what, Number(total)]).toEqual([what, rows.length]);
    }

    test("columns are read, filtered by and sorted by where they are the caller's, and tell nothing of Ann's", async () => {
      for (const { name, columns } of relations()) {
        const owner = ownerField(name);
        const filters = `select to_jsonb(t) as row from public.${name} t where ${owner} = $1`;
        const hers = allowedRelations[name] ? await of().database.sql<{ row: Body }>(filters, [of().ann.id]) : [];
        for (const column of columns) {
          const what = `${name}.${column}`;
          if (!may(name, "select", column)) {
            for (const query of [`select=${column}`, `select=*&${column}=is.null`, `select=*&order=${column}`])
              expect([what, isDenied(await ask(who, "GET", `${name}?${query}`))]).toEqual([what, true]);
            continue;
          }
          const ordered = `${name}?select=${owner},${column}&order=${column}.desc.nullsfirst`;
          onlyOwn(what, owner, await ask(who, "GET", ordered, exact));
          for (const filter of filtersFor(column, hers[0]?.row[column])) {
            const answer = await ask(who, "GET", `${name}?select=${owner}&${filter}`, exact);
            if (answer.status < 300) onlyOwn(`${what} ${filter}`, owner, answer);
            // a comparison that the column's type does not have, or text that is no value of it
            else
              expect([what, filter, answer.value.code]).toEqual([
                what,
                filter,
                expect.stringMatching(/^(42883|22...|PGRST100)$/),
              ]);
          }
        }
      }
    });

    test("columns are written only where the list says so, and only in rows of the caller's", async () => {
      const { ann, anns } = of();
      for (const { name, columns } of relations()) {
        const owner = ownerField(name);
        const filters = `select to_jsonb(t) as row from public.${name} t where ${owner} = $1`;
        const hers = allowedRelations[name] ? await of().database.sql<{ row: Body }>(filters, [ann.id]) : [];
        for (const column of columns) {
          const what = `${name}.${column}`;
          const value = hers[0]?.row[column] ?? null;
          const change = { [column]: value };
          const representation = { prefer: "return=representation" };
          const merge = { prefer: "resolution=merge-duplicates,return=representation" };
          const theirs = { [owner]: ann.id, ...(columns.includes("id") && { id: anns.get(name)?.id }) };
          const updated = await ask(who, "PATCH", `${name}?${owner}=eq.${ann.id}`, {
            input: change,
            headers: representation,
          });
          const written = [
            await ask(who, "POST", name, { input: { ...theirs, ...change } }),
            await ask(who, "POST", name, { input: { ...change, ...theirs }, headers: merge }),
            await ask(who, "POST", name, { input: [change], headers: { prefer: "resolution=ignore-duplicates" } }),
          ];
          if (may(name, "update", column)) expect([what, updated.value]).toEqual([what, []]);
          else expect([what, "update", isDenied(updated)]).toEqual([what, "update", true]);
          expect([what, written.filter(({ status }) => status < 300)]).toEqual([what, []]);
          if (!may(name, "insert", column))
            expect([what, "insert", written.map(isDenied)]).toEqual([what, "insert", [true, true, true]]);
        }
      }
    });

    test("no row of Ann's is removed, by whatever it is named", async () => {
      const { ann, anns } = of();
      for (const { name, columns } of relations()) {
        const owner = ownerField(name);
        const id = anns.get(name)?.id ?? crypto.randomUUID();
        const hers = columns.includes("id") ? `id.eq.${id}` : `${owner}.eq.${ann.id}`;
        for (const filter of [`or=(${hers})`, `and=(${owner}.eq.${ann.id},${hers})`, `${owner}=in.(${ann.id})`]) {
          const answer = await ask(who, "DELETE", `${name}?${filter}`, {
            headers: { prefer: "return=representation,count=exact" },
          });
          if (who !== "anonymous" && allowedRelations[name]?.delete)
            expect([name, filter, answer.value]).toEqual([name, filter, []]);
          else expect([name, filter, answer.status >= 400]).toEqual([name, filter, true]);
        }
      }
    });

    test("records that refer to others show none of Ann's through them", async () => {
      const { ann, anns } = of();
      for (const name of every)
        for (const { field, target } of referencesFrom(byName(name))) {
          const owner = ownerField(name);
          for (const path of [
            `${name}?select=${owner},${target}(*)`,
            `${name}?select=${owner},${target}!inner(*)`,
            `${name}?select=${owner},${target}(${owner})&order=${target}(created_at)`,
            `${name}?select=${owner}&${field}=eq.${anns.get(target)?.id}`,
            `${target}?select=${owner},${name}(*)`,
            `${target}?select=${owner},${name}!inner(*)&${name}.${owner}=eq.${ann.id}`,
            `${target}?select=${owner},...${name}(id)`,
          ]) {
            const answer = await ask(who, "GET", path, exact);
            for (const { id } of [...anns.values(), ann])
              expect([path, answer.text.includes(id) && !path.includes(id)]).toEqual([path, false]);
            if (answer.status < 300) onlyOwn(path, owner, answer);
          }
        }
    });

    test("nothing is added up over rows, explained, or reached in another schema", async () => {
      const accept = "application/vnd.pgrst.plan+json; options=analyze|verbose|settings|buffers";
      for (const { name } of relations()) {
        for (const select of ["count()", `${ownerField(name)}.count()`, `${ownerField(name)},created_at.max()`])
          expect([name, select, (await ask(who, "GET", `${name}?select=${select}`)).status >= 400]).toEqual([
            name,
            select,
            true,
          ]);
        expect((await ask(who, "GET", name, { headers: { accept } })).status).toBeGreaterThanOrEqual(400);
      }
      for (const schema of SCHEMAS)
        for (const path of ["databases", "users", "pg_class", "tables", "schema_migrations", "rpc/uid", "rpc/assign"])
          for (const [method, input] of [
            ["GET", undefined],
            ["POST", {}],
          ] as const) {
            const headers = { "accept-profile": schema, "content-profile": schema };
            expect([schema, path, (await ask(who, method, path, { input, headers })).status]).toEqual([
              schema,
              path,
              406,
            ]);
          }
    });
  });
}

const SCHEMAS = [
  "switchyard",
  "auth",
  "storage",
  "extensions",
  "vault",
  "cron",
  "net",
  "pg_catalog",
  "information_schema",
  "supabase_migrations",
  "public,auth",
];

/** Filters that would find a row with Ann's value, in every way that REST has of saying so. */
function filtersFor(column: string, hers: unknown): string[] {
  const text = typeof hers === "object" && hers !== null ? `{${Object.values(hers).join(",")}}` : String(hers ?? "x");
  const quoted = `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
  const value = encodeURIComponent(/^[\w.:-]+$/.test(text) ? text : quoted);
  return [
    `or=(${column}.eq.${value},${column}.in.(${value}))`,
    `not.or=(${column}.lt.${value})`,
    `${column}=not.is.null`,
  ];
}
