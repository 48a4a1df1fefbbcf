/** Moves as the operator begins and ends them: by the API, by commands, and by the edge function that goes on with them. */
import { userInfo } from "node:os";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import { createMovesEndpoint } from "../../shared/operations/moves-endpoint.ts";
import { PATIENT } from "../setup/patience.ts";
import { newUser } from "../setup/users.ts";
import { type MovingSystem, startMovingSystem } from "./system.ts";

let system: MovingSystem;
beforeAll(async () => {
  system = await startMovingSystem("operator");
});
afterAll(() => system?.stop());

const hearNothing = () =>
  system.control.sql(
    "update switchyard.moves set heard_since = now() - interval '1 hour' where heard_since is not null",
  );
const stepsAreDue = () =>
  system.control.sql(
    "update switchyard.tasks set due_at = now() where queue = 'move' and done_at is null and leased_until is null",
  );

describe("by the API", () => {
  test("admins begin, see, reverse and clean; the edge function makes the steps", async () => {
    const admin = await newUser<string>({ home: "supabase", on: system.control, appMetadata: { role: "admin" } });
    const ask = system.callerOf(admin);
    const user = await system.user("supabase");
    expect((await system.callerOf(user)("POST", "/contacts", { name: "Ann" })).status).toBe(201);
    const edge = createMovesEndpoint({ ...system.options(), keys: [system.control.secretKey] });
    const wake = async (key = system.control.secretKey) =>
      (await edge(new Request("http://moves", { method: "POST", headers: { apikey: key } }))).status;
    expect(await wake("sb_secret_none")).toBe(401);
    const stateOf = async () => {
      const { body } = await ask("GET", `/admin/moves?user=${user.id}&ended=true`);
      return body.items[0];
    };
    const until = (state: string) =>
      vi.waitUntil(async () => {
        expect(await wake()).toBe(200);
        await hearNothing();
        await stepsAreDue();
        return (await stateOf()).state === state;
      }, PATIENT);

    const begun = await ask("POST", "/admin/moves", {
      users: [user.id, crypto.randomUUID()],
      to: "mongodb",
      reason: "test",
    });
    expect([begun.status, begun.body]).toEqual([
      202,
      [
        { user_id: user.id, move: expect.any(Number) },
        { user_id: expect.any(String), refused: expect.stringContaining("no such user") },
      ],
    ]);
    expect((await ask("POST", "/admin/moves", { users: [user.id], to: "mongodb" })).body[0].refused).toContain(
      "already",
    );
    await until("kept");
    expect(await stateOf()).toMatchObject({
      source: "supabase",
      target: "mongodb",
      reason: "test",
      copied: 1,
      late: { forwarded: 0, conflict: 0, open: 0 },
    });

    expect((await ask("POST", "/admin/moves/reverse", { users: [user.id] })).status).toBe(202);
    await until("kept");
    expect(await stateOf()).toMatchObject({ source: "mongodb", target: "supabase", copied: 0 });
    expect((await ask("POST", "/admin/moves/clean", { users: [user.id] })).body).toEqual({ count: 1 });
    await until("cleaned");
    expect((await ask("POST", "/admin/moves/abort", { users: [user.id] })).body).toEqual({ count: 0 });
  });

  test.each([
    ["GET", "/admin/moves", undefined],
    ["POST", "/admin/moves", { users: [crypto.randomUUID()], to: "mongodb" }],
    ["POST", "/admin/moves/reverse", { users: [crypto.randomUUID()] }],
    ["POST", "/admin/moves/abort", { users: [crypto.randomUUID()] }],
    ["POST", "/admin/moves/clean", { users: [crypto.randomUUID()] }],
  ])("%s %s is for admins alone", async (method, path, body) => {
    const user = await system.user("supabase");
    expect((await system.callerOf(user)(method, path, body)).status).toBe(403);
  });

  test("a database that there is not, and nobody, are refused in words", async () => {
    const ask = system.callerOf(
      await newUser<string>({ home: "supabase", on: system.control, appMetadata: { role: "admin" } }),
    );
    const nowhere = await ask("POST", "/admin/moves", { users: [crypto.randomUUID()], to: "nowhere" });
    expect([nowhere.status, nowhere.body.detail]).toEqual([422, 'There is no database named "nowhere".']);
    expect((await ask("POST", "/admin/moves", { users: [], to: "mongodb" })).status).toBe(422);
  });
});

describe("by commands", () => {
  const operator = async (line: string) => {
    const said: string[] = [];
    const io = { env: system.env, out: (text: string) => said.push(text), err: (text: string) => said.push(text) };
    return { code: await runCommand(line.split(" "), io), said: said.join("\n") };
  };

  test("status, abort and clean say what there is", async () => {
    const user = await system.user("supabase");
    await system.moves.start([user.id], "mongodb", "test");
    expect((await operator("homes moves status")).said).toMatch(new RegExp(`${user.id} +announced`));
    expect(await operator(`homes moves abort ${user.id}`)).toEqual({ code: 0, said: "1 given up." });
    expect((await operator(`homes moves status ${user.id} --all`)).said).toMatch(/aborted/);
    await system.move(user.id, "mongodb");
    expect((await operator(`homes moves status ${user.id}`)).said).toMatch(
      /supabase to mongodb: done\. 0 copied, writes waited \d+ ms, kept in supabase until \d{4}-/,
    );
    expect(await operator(`homes moves clean ${user.id}`)).toEqual({ code: 0, said: "1 kept copies taken away." });
  });

  test("stand in the audit, with whoever typed them, and how they ended", async () => {
    const user = await system.user("supabase");
    const ask = system.callerOf(
      await newUser<string>({ home: "supabase", on: system.control, appMetadata: { role: "admin" } }),
    );
    await operator(`homes move ${user.id} --to supabase --reason tidying`);
    await operator(`homes moves abort ${user.id}`);
    await operator(`homes moves status ${user.id}`);
    const { body } = await ask("GET", `/admin/audit?subject=${user.id}&actor=operator`);
    const line = { actor_id: null, via: "command", subjects: [user.id], actor: `operator (${userInfo().username})` };
    const outcome = (status: number) => expect.objectContaining({ status, code: null });
    expect(body.items).toEqual([
      expect.objectContaining({ ...line, action: "homes moves abort", reason: null, outcome: outcome(0) }),
      expect.objectContaining({
        ...line,
        action: "homes move",
        reason: "tidying",
        asked: { to: "supabase" },
        outcome: outcome(1),
      }),
    ]);
  });

  test.each([
    ["homes move --to mongodb", "Name users, or --all-from a database."],
    ["homes move nobody --to mongodb", '"nobody" is no user\'s id.'],
    [`homes move ${crypto.randomUUID()}`, "--to names the new home."],
    ["homes moves abort", "Name users, or --all."],
    ["homes move --all-from mongodb --limit none --to supabase", "--limit is a number of users."],
    ["homes move --all-from mongodb --rate 0 --to supabase", "--rate is a number of users a minute."],
    [
      "homes move --balance --to supabase",
      "--balance plans who moves, and where to: name neither users nor databases.",
    ],
    ["homes move --all-from mongodb --to supabase --yes", "--yes and --dry-run are of --balance."],
  ])("%s: %s", async (line, words) => {
    const { code, said } = await operator(line);
    expect([code, said.split("\n")[0]]).toEqual([2, words]);
  });

  test("who cannot be moved is named, and the command fails", async () => {
    const user = await system.user("mongodb");
    const { code, said } = await operator(`homes move ${user.id} --to mongodb`);
    expect([code, said]).toEqual([1, `${user.id}: The user is at home there already.\n1 of 1 users were not moved.`]);
  });
});
