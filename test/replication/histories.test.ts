/**
 * Random histories: writers of every kind, several workers at once of which some die between two steps, a copy that refuses
 * connections or hangs for a while, leases that end early, a clock that is set back. At the end both sides are equal.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Step } from "../../shared/replication/worker.ts";
import { value } from "../contract/store.ts";
import { copyHistories, replay } from "../setup/histories.ts";
import { HANGS_MS } from "../setup/patience.ts";
import { sideOf } from "./collections.ts";
import { type ProxiedMongo, startProxiedMongo } from "./proxied-mongo.ts";
import { interruptedAt, orDied, type Pause, play, roundsOf } from "./rounds.ts";
import { type Replication, startReplication } from "./system.ts";

let system: Replication;
let mongo: ProxiedMongo;
beforeAll(async () => {
  system = await startReplication();
  mongo = await startProxiedMongo(system.replicaUri);
});
afterAll(async () => {
  await mongo?.stop();
  await system?.stop();
});

type Action =
  | { do: "write"; statement: number; seed: number }
  | { do: "work"; limit: number; dies: Step | undefined; pauses: Step | undefined }
  | { do: "compact" }
  | { do: "leases end" }
  | { do: "clock is set back" };

/** $1 the clerk; $2 chooses rows: about a third of them. Each is one transaction. */
const STATEMENTS = [
  "insert into public.senders (clerk_id, id, name) select $1, gen_random_uuid(), 'S' || n from generate_series(1, 3 + $2 % 20) n",
  "update public.senders set name = left(name || $2, 200) where clerk_id = $1 and hashtext(id::text) % 3 = $2 % 3",
  "delete from public.senders s where clerk_id = $1 and hashtext(id::text || $2) % 4 = 0 and not exists (select from public.parcels p where p.sender_id = s.id)",
  "insert into public.parcels (clerk_id, id, sender_id, price, currency) select clerk_id, gen_random_uuid(), id, 1 + $2 % 9, 'EUR' from public.senders where clerk_id = $1 and hashtext(id::text || $2) % 3 = 0",
  "delete from public.parcels where clerk_id = $1 and hashtext(id::text || $2) % 2 = 0",
  // made again with the ids of deleted ones
  "insert into public.senders (clerk_id, id, name) select $1, t.id, 'Again' || $2 from switchyard.tombstones t where t.collection = 'senders' and t.seen is not null and t.user_id = $1 and hashtext(t.id::text) % 3 = $2 % 3",
  "with gone as (delete from public.parcels where clerk_id = $1 returning 1) update public.senders set labels = array['n' || $2] where clerk_id = $1 and (select count(*) from gone) >= 0",
];

const deaths = fc.constantFrom<Step | undefined>(
  ...([undefined, undefined, undefined, undefined, "claimed", "applied", "remembered", "settled"] as const),
);
const pauses = fc.constantFrom<Step | undefined>(undefined, undefined, undefined, "claimed", "claimed", "applied");
const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("write" as const),
      statement: fc.nat(STATEMENTS.length - 1),
      seed: fc.nat(1_000),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("work" as const),
      limit: fc.integer({ min: 1, max: 40 }),
      dies: deaths,
      pauses,
    }),
  },
  { weight: 1, arbitrary: fc.constant<Action>({ do: "compact" }) },
  { weight: 2, arbitrary: fc.constant<Action>({ do: "leases end" }) },
  { weight: 1, arbitrary: fc.constant<Action>({ do: "clock is set back" }) },
);
const leasesEnd = () =>
  system.sql(
    "update switchyard.marks set leased_until = clock_timestamp() - interval '1 second' where leased_until is not null",
  );

async function run(action: Action, pause: Pause): Promise<void> {
  switch (action.do) {
    case "write":
      // one that fails has written nothing, and left no mark
      await system.sql(STATEMENTS[action.statement] as string, [system.clerk, action.seed]).catch(() => undefined);
      return;
    case "work": {
      const at = interruptedAt(action.pauses, action.dies, pause);
      const worker = system.worker({ mongo: sideOf(mongo.client), limit: action.limit, leaseSeconds: 5, at });
      await orDied(worker.run(1_000));
      return;
    }
    case "compact":
      value(await system.source.compact(0));
      return;
    case "leases end":
      await leasesEnd();
      return;
    case "clock is set back":
      await system.sql(
        "update switchyard.marks set leased_until = leased_until + interval '3 hours' where leased_until is not null",
      );
  }
}

const isPausing = (action: Action) => action.do === "work" && action.pauses !== undefined;

test(
  "both sides are equal at the end of every history",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(roundsOf(actions), { minLength: 2, maxLength: 12 }), async (history) => {
        await play(history, { proxy: mongo.proxy, run, isPausing });
        await leasesEnd();
        await system.drain();
        expect(value(await system.source.status())).toMatchObject({ pending: 0, dead: 0 });
        expect(await system.verify()).toEqual([]);
        for (const name of ["senders", "parcels"]) {
          const [row] = await system.sql(`select count(*)::int as n from public.${name}`);
          expect(await system.replica.collection(name).countDocuments({ _deleted_at: null })).toBe(row?.n);
        }
      }),
      { numRuns: copyHistories(), ...replay() },
    );
  },
  copyHistories() * HANGS_MS,
);
