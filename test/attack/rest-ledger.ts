/** The ledger's tables over REST: everybody sees what is theirs, nobody changes anything, and nobody calls what moves. */
import { beforeAll, describe, expect, test } from "vitest";
import { ledgerRelations } from "./rest-allowed.ts";
import { type RestAttack, WHO } from "./rest-attack.ts";

type Row = Record<string, unknown>;

/** With an account, a deposit and a hold of their own. */
async function fund({ database }: RestAttack, user: string): Promise<Row> {
  const [row] = await database.sql<Row>(
    "select public.ledger_open_account($1, 'EUR') -> 'account' ->> 'id' as account, gen_random_uuid() as deposit, gen_random_uuid() as hold",
    [user],
  );
  await database.sql("select public.ledger_deposit(null, $1, $2, '10')", [row?.deposit, row?.account]);
  await database.sql("select public.ledger_withdraw($1, $2, $3, '1', p_hold_seconds => 600)", [
    ...[user, row?.hold, row?.account],
  ]);
  return row as Row;
}

export function attackLedger(of: () => RestAttack): void {
  describe("the ledger", () => {
    let hers: Row;
    let own: Row;
    beforeAll(async () => {
      hers = await fund(of(), of().ann.id);
      own = await fund(of(), of().callers.eve?.id ?? "");
    });
    const ask: RestAttack["ask"] = (...asked) => of().ask(...asked);
    const columnsOf = (name: string) => ledgerRelations[name]?.select.join(",");
    const books = () =>
      Promise.all(
        Object.keys(ledgerRelations).map((name) =>
          of().database.sql(`select to_jsonb(t)::text as row from public.${name} t order by 1`),
        ),
      );

    test("shows each user what is theirs", async () => {
      for (const [name, column, mine] of [
        ["ledger_accounts", "id", [own.account]],
        ["ledger_entries", "account_id", [own.account]],
        ["ledger_transfers", "id", [own.deposit, own.hold].sort()],
      ] as const) {
        const { value } = await ask("eve", "GET", `${name}?select=${columnsOf(name)}&order=${column}`);
        expect([name, value.map((row: Row) => row[column])]).toEqual([name, mine]);
      }
      expect((await ask("eve", "GET", "assets?code=eq.JPY")).value).toEqual([
        { code: "JPY", scale: 0, kind: "currency" },
      ]);
    });

    test.each(WHO)("shows %s nothing of Ann's, however it is asked", async (who) => {
      const ids = [hers.account, hers.deposit, hers.hold].map(String);
      for (const path of [
        `ledger_accounts?select=id&or=(id.eq.${hers.account},id.not.is.null)`,
        `ledger_entries?select=account_id,transfer_id&account_id=eq.${hers.account}`,
        "ledger_entries?select=account_id,transfer_id&amount=gt.0",
        `ledger_transfers?select=id,from_account,to_account&id=in.(${hers.deposit},${hers.hold})`,
        "ledger_transfers?select=id,from_account,to_account,ledger_entries(account_id)",
        "ledger_accounts?select=id,ledger_entries(account_id,transfer_id)",
      ]) {
        const { text } = await ask(who, "GET", path);
        expect([path, ids.filter((id) => text.includes(id) && !path.includes(id))]).toEqual([path, []]);
        if (/eq\.|in\.\(/.test(path) && !/or=/.test(path)) expect(text).not.toMatch(/^\[\{/);
      }
      for (const name of ["ledger_owners", "ledger_history"])
        expect([name, (await ask(who, "GET", `${name}?select=*`)).status >= 400]).toEqual([name, true]);
    });

    test.each(WHO)("lets %s write nothing, and see no column that is not on the list", async (who) => {
      const before = await books();
      for (const { name, columns } of of().relations.filter((each) => ledgerRelations[each.name]))
        for (const column of columns) {
          const input = { [column]: null };
          for (const [method, path] of [
            ["POST", name],
            ["PATCH", `${name}?${column}=not.is.null`],
            ["DELETE", `${name}?${column}=not.is.null`],
          ] as const) {
            const { status, value } = await ask(who, method, path, method === "DELETE" ? {} : { input });
            const refused = status >= 400 && /^(42501|428C9|PGRST20[45])$/.test(value.code);
            expect([method, name, column, refused ? "refused" : value]).toEqual([method, name, column, "refused"]);
          }
          const may = who !== "anonymous" && ledgerRelations[name]?.select.includes(column);
          expect([name, column, (await ask(who, "GET", `${name}?select=${column}`)).status < 300]).toEqual([
            ...[name, column, may ?? false],
          ]);
        }
      expect(await books()).toEqual(before);
    });
  });
}
