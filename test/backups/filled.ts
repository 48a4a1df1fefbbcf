/** A system with something of everything in it, backups of it, and what they hold as one comparable value. */
import { createClient } from "@supabase/supabase-js";
import { expect } from "vitest";
import { runCommand } from "../../scripts/commands/index.ts";
import { readPart } from "../../shared/backups/codec.ts";
import { folderStorage } from "../../shared/backups/folder-storage.ts";
import type { Manifest } from "../../shared/backups/manifest.ts";
import type { Restored } from "../../shared/backups/restore.ts";
import type { Environment } from "../../shared/config.ts";
import type { Caller } from "../attack/caller.ts";
import type { MovingSystem } from "../moves/system.ts";
import { newUser, type TestUser } from "../setup/users.ts";

type System = Pick<MovingSystem, "control" | "env" | "homes" | "callerOf">;

export interface Ran {
  code: number;
  out: string;
  err: string;
}

/** One command of the command line, on that system. */
export async function commandOn({ env, control }: Pick<System, "env" | "control">, ...words: string[]): Promise<Ran> {
  const said = { out: [] as string[], err: [] as string[] };
  const own: Environment = { ...env, DATABASE_URL: control.ownerUrl };
  const io = { env: own, out: (line: string) => said.out.push(line), err: (line: string) => said.err.push(line) };
  const code = await runCommand(words, io);
  return { code, out: said.out.join("\n"), err: said.err.join("\n") };
}

export async function backUp(system: System, folder: string, ...options: string[]): Promise<Manifest> {
  const made = await commandOn(system, "backup", "create", `--to=${folder}`, "--json", ...options);
  expect(made).toMatchObject({ code: 0, err: "" });
  return JSON.parse(made.out) as Manifest;
}

export interface Filled {
  users: Map<string, TestUser<string>>;
  /** a create with a key, by home: what it was sent, and what came back */
  keyed: Map<string, { key: string; body: object; id: string }>;
  /** an expense that is deleted, with the key that made it, by home */
  deleted: Map<string, { key: string; body: object; id: string }>;
}

/** Of users whom `fill` or `newUser` with `signIn` has made. */
const PASSWORD = "correct horse battery staple";

/** Requests of whoever signs in there with the password that they had when they were made. */
export async function signedIn(
  { control, callerOf }: Pick<System, "control" | "callerOf">,
  email: string,
): Promise<Caller> {
  const { url, publishableKey } = control;
  const anyone = createClient(url, publishableKey, { auth: { persistSession: false } });
  const { data, error } = await anyone.auth.signInWithPassword({ email, password: PASSWORD });
  expect(error).toBeNull();
  return callerOf({ jwt: data.session?.access_token ?? "" });
}

/** One user in each home, who signs in by a password, with records of every placement, tombstones, keys and money. */
export async function fill(system: System): Promise<Filled> {
  const filled: Filled = { users: new Map(), keyed: new Map(), deleted: new Map() };
  for (const home of system.homes) {
    const user = await newUser<string>({ home, on: system.control, signIn: true });
    filled.users.set(home, user);
    const call = system.callerOf(user);
    await fillHome(call, home, filled);
  }
  const [first, second] = [...filled.users.values()] as [TestUser<string>, TestUser<string>];
  const call = system.callerOf(first);
  const made = await said(call, "POST", "/conversations", { user_ids: [second.id] });
  for (const content of ["hello", "and again"]) await said(call, "POST", `/rooms/${made.id}/messages`, { content });
  await said(system.callerOf(second), "POST", `/rooms/${made.id}/messages`, { content: "hello yourself" });
  await money(system, first, second);
  return filled;
}

async function said(call: Caller, method: string, path: string, body?: object, headers?: Record<string, string>) {
  const answer = await call(method, path, body, headers);
  expect([200, 201, 204], JSON.stringify(answer.body)).toContain(answer.status);
  return answer.body;
}

async function fillHome(call: Caller, home: string, { keyed, deleted }: Filled): Promise<void> {
  const category = await said(call, "POST", "/categories", { name: `Travel of ${home}`, kind: "expense" });
  const body = { amount: "12.34", currency: "EUR", category_id: category.id, date: "2026-11-29" };
  const key = `key-${home}`;
  const expense = await said(call, "POST", "/expenses", body, { "idempotency-key": key });
  keyed.set(home, { key, body, id: expense.id });
  await said(call, "PATCH", `/expenses/${expense.id}`, { amount: "13" });
  const gone = await said(call, "POST", "/expenses", { ...body, amount: "99" }, { "idempotency-key": `${key}-gone` });
  await said(call, "DELETE", `/expenses/${gone.id}`);
  deleted.set(home, { key: `${key}-gone`, body: { ...body, amount: "99" }, id: gone.id });
  await said(call, "POST", "/contacts", { name: `Straße of ${home}` });
  await said(call, "POST", "/shop", { name: `Shop of ${home}`, currency: "EUR" });
  const customer = await said(call, "POST", "/customers", { name: "Ann", details: { n: 1.5, deep: [{ a: null }] } });
  const other = await said(call, "POST", "/customers", { name: "Bob" });
  await said(call, "DELETE", `/customers/${other.id}`);
  await said(call, "PATCH", `/customers/${customer.id}`, { phone: "123" });
  await said(call, "PATCH", "/preferences", { language: "de" });
}

async function money({ control }: System, first: TestUser<string>, second: TestUser<string>): Promise<void> {
  const service = createClient(control.url, control.secretKey, { auth: { persistSession: false } });
  const rpc = async (name: string, parameters: object) => {
    const { data, error } = await service.rpc(name, parameters);
    if (error) throw new Error(error.message);
    return data;
  };
  const accounts = [];
  for (const { id } of [first, second])
    accounts.push(await rpc("ledger_open_account", { p_user_id: id, p_asset: "EUR" }));
  const [from, to] = accounts.map(({ id, account }) => id ?? account.id);
  await rpc("ledger_deposit", { p_actor: null, p_id: crypto.randomUUID(), p_account: from, p_amount: "100.5" });
  await rpc("ledger_transfer", {
    ...{ p_user_id: first.id, p_id: crypto.randomUUID(), p_from: from, p_to: to, p_amount: "40.25" },
  });
}

/** Tables of which every system has rows of its own. */
const OF_EACH: ReadonlySet<string> = new Set([
  ...["switchyard.databases", "switchyard.placements", "switchyard.settings", "switchyard.assignment_history"],
  ...["switchyard.admin_audit", "switchyard.admin_audit_outcomes"],
]);

/** Every line of a backup by what it is of, without where it was read and what of an account a restore sets itself. */
export async function contentsOf(folder: string, manifest: Manifest): Promise<Map<string, unknown>> {
  const storage = folderStorage(folder);
  const found = new Map<string, unknown>();
  for (const part of manifest.parts) {
    if (OF_EACH.has(part.collection)) continue;
    let n = 0;
    for await (const line of readPart(storage, manifest.id, part, null)) {
      const { database_provider, epoch, reason, assigned_at, turn, held_until, state, ...kept } = line;
      const name = String(line.id ?? line.user_id ?? line.seq ?? line.code ?? n++);
      const isAssignment = part.collection.endsWith("assignments");
      const owner = String(line.user_id ?? "");
      found.set(`${part.collection} ${owner} ${name} ${line.version ?? ""}`, plain(isAssignment ? kept : line));
    }
  }
  return new Map([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** With the names of fields in one order, and without what is so by default. */
function plain(value: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(value).filter(([, each]) => each !== null && each !== undefined);
  return Object.fromEntries(entries.map(([key, each]): [string, string] => [key, asText(each)]).sort());
}
const asText = (value: unknown): string =>
  value instanceof Date ? value.toISOString() : typeof value === "object" ? canonical(value) : String(value);
function canonical(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "";
  if (value instanceof Date) return value.toISOString();
  if ("_bsontype" in value) return String(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  return `{${Object.entries(value)
    .map(([key, each]) => `${key}:${canonical(each)}`)
    .sort()
    .join(",")}}`;
}

/** Restores, and says what it has done. */
export async function restoreInto(system: System, folder: string, id: string, ...options: string[]) {
  const done = await commandOn(system, "backup", "restore", id, `--to=${folder}`, "--yes", "--json", ...options);
  expect(done).toMatchObject({ code: 0, err: "" });
  return JSON.parse(done.out) as Restored;
}
