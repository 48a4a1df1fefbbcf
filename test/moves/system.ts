/** Homes between which users move: the two everywhere, and a second MongoDB and a second Postgres where there are servers. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { expect } from "vitest";
import { allCollections, homeCollections } from "../../shared/collections/index.ts";
import { type Environment, loadFunctionConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import { createMovesControl, type Move } from "../../shared/moves/control.ts";
import type { MoveOptions } from "../../shared/moves/run.ts";
import { runMoves } from "../../shared/moves/worker.ts";
import { closeAll, createRegistry, type Registry } from "../../shared/placement/registry.ts";
import { type ApiInstance, type ApiOptions, startApi } from "../attack/api.ts";
import { type Caller, callerOf } from "../attack/caller.ts";
import { startDataPlane } from "../setup/data-plane.ts";
import { type OwnDatabase, startOwnDatabase } from "../setup/own-database.ts";
import { preparedMongo } from "../setup/prepared-mongo.ts";
import { ATLAS, NEON } from "../setup/repositories.ts";
import { servers } from "../setup/servers.ts";
import { newUser, type TestUser } from "../setup/users.ts";

export interface MovingSystem {
  control: OwnDatabase;
  /** names of the homes that there are */
  homes: readonly string[];
  registry: Registry;
  /** with the secret key */
  service: SupabaseClient;
  moves: ReturnType<typeof createMovesControl>;
  api: ApiInstance;
  env: Environment;
  /** Another instance of the API. */
  instance(clocks?: Pick<ApiOptions, "clock" | "ageClock">): Promise<ApiInstance>;
  user(home: string): Promise<TestUser<string>>;
  callerOf(user: Pick<TestUser, "jwt">): Caller;
  options(more?: Partial<MoveOptions>): MoveOptions;
  /** Works until no move is on its way, and says how that of this user stands. */
  finish(userId: string, more?: Playing): Promise<Move>;
  /** Begins, and finishes. */
  move(userId: string, to: string, more?: Playing): Promise<Move>;
  stop(): Promise<void>;
}

/** `heard`: resolves once every request has ended that began before now. At once, where none is under way. */
type Playing = Partial<MoveOptions> & { heard?: () => Promise<unknown> };

/** Longer than any instance here keeps a list. */
const NOTICE_MS = 1_000;
const NOTICE = { MOVE_NOTICE_SECONDS: String(NOTICE_MS / 1_000) };

/** `more`: further variables, of workers and instances. */
export async function startMovingSystem(prefix: string, more: Environment = {}): Promise<MovingSystem> {
  const closing: (() => Promise<unknown>)[] = [];
  const control = await startOwnDatabase();
  closing.push(control.stop);
  const mongoUri = await preparedMongo(prefix);
  const variables: Record<string, string | undefined> = { ...NOTICE, ...more };
  const third = servers().dbUrl ? [ATLAS, NEON] : [ATLAS];
  for (const { name, site } of third) {
    const kind = name === ATLAS.name ? "mongodb" : "postgres";
    await control.sql("select public.switchyard_add_database($1, $2, $3::integer)", [name, kind, site]);
    await control.sql("update switchyard.databases set accepting = true where name = $1", [name]);
    const plane = kind === "mongodb" ? undefined : await startDataPlane();
    if (plane) closing.push(plane.stop);
    variables[`DATABASE_${name.toUpperCase()}`] = plane?.url ?? (await preparedMongo(`${prefix}_atlas`, ATLAS));
  }
  const env = {
    SUPABASE_URL: control.url,
    SUPABASE_SECRET_KEY: control.secretKey,
    MONGODB_URI: mongoUri,
    ...variables,
  };
  const config = loadFunctionConfig(env);
  const service = createClient(control.url, control.secretKey, { auth: { persistSession: false } });
  const registry = createRegistry({
    config,
    service,
    collections: allCollections,
    deadlines: deadlinesOf(config),
    appName: "test",
  });
  closing.push(() => closeAll(registry));
  const instance = async (clocks: Pick<ApiOptions, "clock" | "ageClock"> = {}) => {
    const api = await startApi({ on: control, mongoUri, more: variables, ...clocks });
    closing.push(() => api.close());
    return api;
  };
  const api = await instance();
  const moves = createMovesControl(service);
  const options = (more: Partial<MoveOptions> = {}): MoveOptions => ({
    control: moves,
    databases: registry,
    collections: homeCollections,
    log: createLog({ level: "silent" }),
    ...more,
  });

  const finish = async (userId: string, { heard = async () => undefined, ...more }: Playing = {}): Promise<Move> => {
    for (let rounds = 0; ; rounds++) {
      const ran = await runMoves({ ...options(more), atOnce: 1 });
      if (ran.isErr()) throw ran.error;
      const [move] = (await moves.list({ userId, ended: true }))._unsafeUnwrap();
      if (!move) throw new Error("no such move");
      if (!["announced", "copying", "switched", "aborting"].includes(move.state)) return move;
      if (rounds > 5_000) throw new Error(`stands still: ${JSON.stringify(move)}`);
      if (move.state === "announced" && ran.value > 0) {
        // what patient deadlines of tests would take a minute for
        await new Promise((resolve) => setTimeout(resolve, NOTICE_MS + 100));
        await heard();
        await control.sql(`update switchyard.moves set heard_since = now() - interval '1 hour' where id = ${move.id}`);
        await control.sql("update switchyard.tasks set due_at = now() where queue = 'move' and done_at is null");
      }
      await control.sql(
        "update switchyard.tasks set due_at = now() where queue = 'move' and done_at is null and last_error is not null",
      );
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return {
    ...{ control, registry, service, moves, api, env, instance, options, finish },
    homes: ["supabase", "mongodb", ...third.map(({ name }) => name)],
    user: (home) => newUser<string>({ home, on: control }),
    callerOf: (user) => callerOf(api, user),
    async move(userId, to, more) {
      const begun = (await moves.start([userId], to, "test"))._unsafeUnwrap();
      expect(begun).toEqual([{ user_id: userId, move: expect.any(Number) }]);
      return finish(userId, more);
    },
    async stop() {
      for (const close of closing.reverse()) await close();
    },
  };
}
