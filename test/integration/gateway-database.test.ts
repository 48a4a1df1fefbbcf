/** PGlite is one connection: what runs while someone's transaction is open must not become a part of it. */
import { expect, test } from "vitest";
import { openPglite } from "../../scripts/dev/database.ts";

test("a request that is rolled back takes nobody else's writes with it", async () => {
  const database = await openPglite(undefined);
  try {
    await database.sql("create table written (by text)");
    const begun = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const lites = database.exclusive(() =>
      database.connection.kysely.transaction().execute(async (transaction) => {
        await transaction.insertInto("written").values({ by: "the one that fails" }).execute();
        begun.resolve();
        await goOn.promise;
        throw new Error("rolled back");
      }),
    );
    const failed = expect(lites).rejects.toThrow("rolled back");
    await begun.promise;
    const other = database.sql("insert into written values ('the other')");
    goOn.resolve();
    await Promise.all([failed, other]);
    expect(await database.sql("select by from written")).toEqual([{ by: "the other" }]);
  } finally {
    await database.close();
  }
});
