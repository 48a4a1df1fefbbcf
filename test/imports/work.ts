/** Imports, or takes back, with a hook at every step that outlives a process; few users at a time, so that there are many steps. */
import { randomUUID } from "node:crypto";
import { createClient } from "@supabase/supabase-js";
import { mongoSource } from "../../scripts/import/mongo-source.ts";
import { wholeRun, wholeUndo } from "../../scripts/import/whole-run.ts";
import { allCollections, homeCollections } from "../../shared/collections/index.ts";
import { type Environment, loadFunctionConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createAccounts } from "../../shared/imports/accounts.ts";
import { createJournal } from "../../shared/imports/journal.ts";
import { readMapping } from "../../shared/imports/mapping.ts";
import { createAssignments } from "../../shared/placement/assignment.ts";
import { closeAll, createRegistry } from "../../shared/placement/registry.ts";

export interface Told {
  from: string;
  /** the text of the mapping file */
  map: string;
  home: string;
  /** of that run; absent: import */
  undo?: number;
}

export async function work(env: Environment, told: Told, at: (step: string) => void): Promise<unknown> {
  const config = loadFunctionConfig(env);
  const service = createClient(config.SUPABASE_URL, config.SUPABASE_SECRET_KEY, { auth: { persistSession: false } });
  const registry = createRegistry({
    ...{ config, service, collections: allCollections, deadlines: deadlinesOf({ REQUEST_DEADLINE_MS: 60_000 }) },
    appName: "test",
  });
  try {
    const home = await registry.get(told.home)?.copy();
    if (!home) throw new Error(`no home ${told.home}`);
    const journal = createJournal(service, randomUUID());
    const common = {
      ...{ journal, accounts: createAccounts(service), home, at, batchSize: 4, atOnce: 2, isOver: () => false },
    };
    if (told.undo !== undefined) {
      (await journal.beginUndo(told.undo))._unsafeUnwrap();
      const assignments = createAssignments(service);
      const undone = await wholeUndo({
        ...{ ...common, run: told.undo, collections: homeCollections, onDone: () => {} },
        homesOf: assignments.homesOf,
      });
      return undone._unsafeUnwrap();
    }
    const source = mongoSource(told.from);
    try {
      const mapping = readMapping(told.map, homeCollections)._unsafeUnwrap();
      const whole = await wholeRun({
        ...{ ...common, source, mapping, find: () => {}, accountEvery: 1 },
        asked: { source: source.title, map: JSON.parse(told.map), mapHash: "one", home: told.home },
        ...{ onBegun: () => {}, onRead: () => {}, onVerified: () => {} },
      });
      return whole._unsafeUnwrap();
    } finally {
      await source.close();
    }
  } finally {
    await closeAll(registry);
  }
}
