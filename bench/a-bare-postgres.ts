/** supabase-js alone, with the very calls that our repository was seen to make. */

import { createClient } from "@supabase/supabase-js";
import { uuidv7 } from "uuidv7";
import type { PostgrestLike } from "../shared/postgres/calls.ts";
import { userClient } from "../shared/postgres/client.ts";
import { postgresRepositories } from "../test/setup/repositories.ts";
import { type Comparison, inOrder, OPERATIONS, type Operation, ourCalls } from "./a-repositories.ts";
import type { Bench } from "./environment.ts";
import { analyze } from "./statistics.ts";

interface Sent {
  name: string;
  parameters: Record<string, unknown>;
}

export async function barePostgres({ supabase, sql, user }: Bench): Promise<Comparison> {
  const { id: userId, jwt } = await user("supabase");
  const config = { SUPABASE_URL: supabase.url, SUPABASE_PUBLISHABLE_KEY: supabase.publishableKey };
  const client = userClient(config, jwt);
  const { calls, ids } = await ourCalls(postgresRepositories({ client, userId }));
  await analyze(sql);
  const sent = await callsOf(client, userId);
  const record = JSON.parse(String(sent["create with a reference"].parameters.p_record));

  const bare = createClient(supabase.url, supabase.publishableKey, { accessToken: async () => jwt });
  const next = inOrder(ids);
  const send = async ({ name, parameters }: Sent, over: Sent["parameters"] = {}) => {
    const { data, error } = await bare.rpc(name, { ...parameters, ...over });
    if (error || data.error) throw new Error(`${name}: ${error?.message ?? data.error}`);
    return data;
  };
  return {
    ours: calls,
    bare: {
      "create with a reference": () =>
        send(sent["create with a reference"], { p_record: JSON.stringify({ ...record, id: uuidv7() }) }),
      get: () => send(sent.get, { p_filters: JSON.stringify([{ field: "id", operator: "eq", value: next() }]) }),
      "list-20": () => send(sent["list-20"]),
      update: () => send(sent.update, { p_id: next() }),
      "update with a reference": () => send(sent["update with a reference"], { p_id: next() }),
    },
    bar: 1.15,
  };
}

async function callsOf(client: PostgrestLike, userId: string): Promise<Record<Operation, Sent>> {
  const calls: Sent[] = [];
  const watched: PostgrestLike = {
    rpc: (name, parameters) => {
      calls.push({ name, parameters });
      return client.rpc(name, parameters);
    },
  };
  const ours = await ourCalls(postgresRepositories({ client: watched, userId }), 1);
  const sent: Partial<Record<Operation, Sent>> = {};
  for (const operation of OPERATIONS) {
    calls.length = 0;
    await ours.calls[operation]();
    const [only] = calls;
    if (!only || calls.length > 1) throw new Error(`${operation} made ${calls.length} calls`);
    sent[operation] = only;
  }
  return sent as Record<Operation, Sent>;
}
