import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type DataFolder, openDataFolder } from "../../scripts/dev/data-folder.ts";
import { demoOnce } from "../../scripts/dev/demo-once.ts";

/** Nobody listens there. */
const nowhere = { apiUrl: "http://127.0.0.1:1", supabaseUrl: "http://127.0.0.1:1", publishableKey: "p" };
let root: string;
let folder: DataFolder;
let said: string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "switchyard-demo-"));
  folder = await openDataFolder(join(root, "data"));
  said = [];
});
afterEach(async () => {
  await folder.release();
  await rm(root, { recursive: true, force: true });
});

const run = (cancel = new AbortController().signal) =>
  demoOnce({
    ...nowhere,
    folder,
    hasAdmin: true,
    // it gives up at once
    slowness: 0,
    say: (line) => said.push(line),
    progress: { start: () => {}, step: () => {}, stop: () => {} },
    cancel,
  });

test("what cannot be finished is said, and left for the next start, which goes on with the same records", async () => {
  await run();
  expect(said[0]).toContain("First start");
  const at = said.findIndex((line) => line.includes("The demo is not complete; the next start goes on with it."));
  expect(said.slice(at + 1)).toHaveLength(6);
  for (const sentence of said.slice(at + 1)) expect(sentence).toMatch(/^ {2}\w+@\S+ has 0 of 77 records: the sign-up/);
  const { day } = folder.demo() ?? {};
  expect(folder.demo()).toEqual({ day: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), done: false });
  await folder.recordDemo({ day: "2026-01-31", done: false });
  said = [];
  await run();
  expect(said[0]).toContain("goes on where it was");
  expect(folder.demo()).toEqual({ day: "2026-01-31", done: false });
  expect(day).not.toBe("2026-01-31");
});

test("what has been done once is not done again", async () => {
  await folder.recordDemo({ day: "2026-01-31", done: true });
  await run();
  expect(said).toEqual([]);
});

test("cancelled, it says nothing more", async () => {
  const cancel = new AbortController();
  cancel.abort(new Error("Ctrl-C"));
  await expect(run(cancel.signal)).rejects.toThrow("Ctrl-C");
  expect(said).toHaveLength(1);
});
