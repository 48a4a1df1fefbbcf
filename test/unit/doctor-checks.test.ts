/** What becomes of checks: each has a line, whatever it does, and none waits for ever. */
import { expect, test } from "vitest";
import { type Check, failure, pass, runChecks, warning } from "../../shared/operations/doctor/check.ts";

const check = (name: string, run: Check["run"], needs: string[] = []): Check => ({
  name,
  needs,
  fix: `mend ${name}`,
  run,
});
const fine = async () => pass("well");

test("one that fails, throws or hangs has its fix, and what needs it is skipped, and what needs that", async () => {
  const found = await runChecks(
    [
      check("fails", async () => failure("broken", "mend it so")),
      check("throws", async () => Promise.reject(Object.assign(new Error("no"), { code: "ECONNREFUSED" }))),
      check("hangs", () => new Promise(() => {})),
      check("warns", async () => warning("odd", "look")),
      check("needs", fine, ["fails"]),
      check("needs that", fine, ["needs"]),
      check("goes on", fine, ["warns", "is not there"]),
    ],
    { deadlineMs: 20 },
  );
  expect(found.map(({ ms: _, ...finding }) => finding)).toEqual([
    { name: "fails", state: "failure", says: "broken", fix: "mend it so" },
    { name: "throws", state: "failure", says: expect.stringMatching("refuses connections"), fix: "mend throws" },
    { name: "hangs", state: "failure", says: "There was no answer within 0.02 s.", fix: "mend hangs" },
    { name: "warns", state: "warning", says: "odd", fix: "look" },
    { name: "needs", state: "skipped", says: 'because "fails" failed' },
    { name: "needs that", state: "skipped", says: 'because "needs" failed' },
    { name: "goes on", state: "pass", says: "well" },
  ]);
});

test("none is begun once it is cancelled", async () => {
  const cancelling = new AbortController();
  const found = await runChecks(
    [
      check("first", async () => {
        cancelling.abort();
        return pass("well");
      }),
      check("second", () => Promise.reject(new Error("begun"))),
    ],
    { deadlineMs: 1_000, cancel: cancelling.signal },
  );
  expect(found).toMatchObject([{ state: "pass" }, { state: "skipped", says: "because this was interrupted" }]);
});
