/** Stages that bring the new version up, lead traffic to it, watch it, and lead traffic back. */
import { setTimeout as wait } from "node:timers/promises";
import { Refused } from "../commands/command.ts";
import { LASTING } from "./before.ts";
import { ENVIRONMENTS } from "./environments.ts";
import { createProbe, type Probe, type Seen, type Stamp } from "./probe.ts";
import type { Deployment, Stage } from "./stage.ts";
import { medianOf, whyBack } from "./watch.ts";

const BASELINE_LOOKS = 10;
const SMOKE_TRIES = 5;
const SMOKE_PAUSE_MS = 2_000;
const MOST_BETWEEN_LOOKS_MS = 10_000;
const LEAST_LOOKS = 10;
/** of traffic, to arrive where it was sent */
const ARRIVAL_MS = 120_000;
const LOOK_AGAIN_MS = 1_000;
const ROLLBACK_TRIES = 3;

/** Not promoted: the new version has an address of its own, and nobody is led there. */
export const upload: Stage = {
  name: "upload",
  about: "vercel deploy --prebuilt, without the domain",
  of: ENVIRONMENTS,
  async run(deployment) {
    const { environment, cli, note } = deployment;
    const kind = environment === "preview" ? [] : ["--prod", "--skip-domain"];
    const previous = environment === "preview" ? null : await current(deployment);
    const out = await cli("vercel", ["deploy", "--prebuilt", "--yes", ...kind]);
    const url = (out.match(/https?:\/\/[^\s"]+/g) ?? []).at(-1);
    if (!url) throw new Refused("vercel deploy said no address of the new deployment.");
    await note({ url, ...(environment !== "preview" && { previous }) });
    return url;
  },
};

/** The deployment that the application's address leads to; null where there is none yet. */
async function current({ env, cli, say, state }: Deployment): Promise<string | null> {
  if (state.previous) return state.previous;
  const host = new URL(env.API_URL ?? "").host;
  try {
    const { url, id } = JSON.parse(await cli("vercel", ["inspect", host, "--json"])) as { url?: string; id?: string };
    return id ?? url ?? null;
  } catch {
    say(`  Nothing answers at ${host} yet, so there is nothing to go back to.`);
    return null;
  }
}

export const smoke: Stage = {
  name: "smoke",
  about: "health, revision and a signed-in read of the new version",
  of: ENVIRONMENTS,
  async run(deployment) {
    try {
      return await looked(deployment);
    } catch (error) {
      const { env, state } = deployment;
      const why = (error as Error).message;
      // not where it was told to be: a project may give every deployment its domains
      if (env.API_URL && (await createProbe(env).stamp(env.API_URL))?.id === state.id && state.previous)
        throw new NotGood(`${why}, and has the traffic, although nobody promoted it`);
      throw new Refused(`${why}. Traffic is where it was.`);
    }
  },
};

/** Throws with what is wrong, an unfinished sentence. */
async function looked({ env, state, say, isInterrupted }: Deployment): Promise<string> {
  const url = state.url ?? "";
  const probe = createProbe(env);
  let seen: Seen | undefined;
  // the first calls of a function meet a cold start
  for (let tries = 0; tries < SMOKE_TRIES && !seen?.ok && !isInterrupted(); tries++) {
    if (seen) await wait(SMOKE_PAUSE_MS);
    seen = await probe.look(url);
  }
  if (!seen?.ok) throw new Error(`${url} ${seen?.says ?? "was not looked at"}`);
  const stamp = await probe.stamp(url);
  if (stamp?.id !== state.id)
    throw new Error(`${url} is not this build (${stamp?.revision ?? "it does not say which one"})`);
  await refuseWorse(probe, url, env.API_URL);
  if (!env.SMOKE_EMAIL) say("  No SMOKE_EMAIL is set: nothing was read as a user.");
  return `answers in ${Math.round(seen.ms)} ms`;
}

/** A database that is away is away for both; one that only the new version cannot use is a reason not to go on. */
async function refuseWorse(probe: Probe, url: string, api: string | undefined): Promise<void> {
  const next = await probe.health(url);
  if (next?.status === "healthy") return;
  const now = api === undefined ? null : await probe.health(api);
  if (now?.status !== "healthy" && now?.status !== undefined) return;
  throw new Error(`${url} is ${next?.status ?? "not healthy"}: ${(next?.message ?? "").replace(/\.$/, "")}`);
}

export const promote: Stage = {
  name: "promote",
  about: "vercel promote",
  of: LASTING,
  async run(deployment) {
    const { env, state, cli, note, say } = deployment;
    const probe = createProbe(env);
    const api = env.API_URL ?? "";
    if ((await probe.stamp(api))?.id === state.id) return "it was there already";
    if (state.baseline_ms === null && state.previous !== null) await note({ baseline_ms: await baseline(probe, api) });
    try {
      await cli("vercel", ["promote", state.url ?? "", "--yes", "--timeout=5m"]);
    } catch (error) {
      // asked for, and who knows how it ended: it may yet come, when nobody watches
      if ((await probe.stamp(api))?.id === state.id) return "it is there, whatever the CLI says";
      say(`  ${(error as Error).message}`);
      if (state.previous) await back(deployment);
      throw new Refused("The new version was not promoted. Traffic is where it was.");
    }
    if (!(await arrives(probe, api, (stamp) => stamp?.id === state.id))) {
      if (state.previous) await back(deployment);
      throw new Refused(
        `${api} does not lead to the new version, although it was promoted. Traffic is sent where it was.`,
      );
    }
    return api;
  },
};

async function baseline(probe: Probe, api: string): Promise<number | null> {
  const looks: Seen[] = [];
  for (let at = 0; at < BASELINE_LOOKS; at++) looks.push(await probe.look(api));
  return medianOf(looks.filter(({ ok }) => ok));
}

async function arrives(probe: Probe, api: string, isIt: (stamp: Stamp | null) => boolean): Promise<boolean> {
  // by a clock that nobody sets
  const end = performance.now() + ARRIVAL_MS;
  for (;;) {
    const stamp = await probe.stamp(api);
    if (stamp !== undefined && isIt(stamp)) return true;
    if (performance.now() > end) return false;
    await wait(LOOK_AGAIN_MS);
  }
}

/** Thrown when the new version is not good enough: traffic has to go back. */
export class NotGood extends Error {
  override readonly name = "NotGood";
}

export const watch: Stage = {
  name: "watch",
  about: "error rate and latency of the new version",
  of: LASTING,
  async run({ env, state, options, say, isInterrupted }) {
    const probe = createProbe(env);
    const api = env.API_URL ?? "";
    const since = new Date();
    // by a clock that nobody sets: one that goes back would make it watch for hours, one that goes forward not at all
    const begun = performance.now();
    const pause = Math.min(MOST_BETWEEN_LOOKS_MS, options.watchMs / LEAST_LOOKS);
    const looks: Seen[] = [];
    let said = begun;
    while (performance.now() - begun < options.watchMs || looks.length < LEAST_LOOKS) {
      if (isInterrupted())
        throw new Refused(
          "The new version has the traffic, and nobody watches it. Run it again to watch, or: switchyard deploy rollback",
        );
      looks.push(await probe.look(api));
      const errors = await probe.errors(api, since);
      const why = whyBack({ looks, baselineMs: state.baseline_ms, errors });
      if (why !== null) throw new NotGood(why);
      if (performance.now() - said > 60_000) {
        said = performance.now();
        say(
          `  ${looks.length} looks, ${looks.filter(({ ok }) => !ok).length} failed, median ${Math.round(medianOf(looks) ?? 0)} ms`,
        );
      }
      await wait(pause);
    }
    return `${looks.length} looks, ${looks.filter(({ ok }) => !ok).length} failed, median ${Math.round(medianOf(looks) ?? 0)} ms`;
  },
};

/** Leads traffic to what answered before, and looks whether it is there. Throws `Refused` when it cannot. */
export async function back({ env, state, cli, say }: Deployment): Promise<string> {
  const api = env.API_URL ?? "";
  const { previous } = state;
  if (previous === null)
    throw new Refused("There is no version before this one to go back to. Mend it, and deploy anew.");
  const probe = createProbe(env);
  let last = "";
  for (let tries = 0; tries < ROLLBACK_TRIES; tries++) {
    if (tries > 0) await wait(LOOK_AGAIN_MS * 2 ** tries);
    try {
      await cli("vercel", ["rollback", previous, "--yes", "--timeout=5m"]);
      if (await arrives(probe, api, (stamp) => stamp?.id !== state.id)) return previous;
      last = `${api} still leads to the new version`;
    } catch (error) {
      last = (error as Error).message;
      say(`  ${last}`);
    }
  }
  throw new Refused(
    `TRAFFIC COULD NOT BE LED BACK: ${last} Run "switchyard deploy rollback" again, or choose ${previous} in Vercel's dashboard (Deployments, Instant Rollback).`,
  );
}
