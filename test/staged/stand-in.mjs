/**
 * The command lines of Vercel and Supabase as a deployment meets them, over a world that is a file: what they were told is
 * written down, and at a named call they fail, hang, wait, or kill whoever called them, before or after what they do.
 */
import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.env.STAND_IN_WORLD;
const file = join(folder, "world.json");
const world = JSON.parse(readFileSync(file, "utf8"));
const keep = () => {
  writeFileSync(`${file}.new`, JSON.stringify(world));
  renameSync(`${file}.new`, file);
};
const migrations = () => readdirSync("supabase/migrations").sort();
const pending = () => migrations().filter((each) => !world.applied.includes(each));

const DO = {
  "supabase db push --dry-run": () =>
    console.log(
      pending().length
        ? `Would push these migrations:\n${pending()
            .map((each) => ` • ${each}`)
            .join("\n")}`
        : "up to date",
    ),
  "supabase db push --yes": () => {
    world.applied = [...world.applied, ...pending()];
  },
  "supabase functions deploy": () => {
    world.functions = readFileSync("functions.txt", "utf8");
  },
  "vercel pull": () => {
    mkdirSync(".vercel", { recursive: true });
    const target = process.argv.includes("--environment=preview") ? "preview" : "production";
    writeFileSync(`.vercel/.env.${target}.local`, readFileSync(join(folder, "pulled.env"), "utf8"));
  },
  "vercel build": () => mkdirSync(".vercel/output/static", { recursive: true }),
  "vercel inspect": () => console.log(JSON.stringify({ id: world.production, url: `${world.production}.vercel.app` })),
  "vercel deploy": () => {
    const id = `dpl_${randomUUID().slice(0, 8)}`;
    world.deployments[id] = JSON.parse(readFileSync(".vercel/output/static/deployment.json", "utf8"));
    world.newest = id;
    const isAsked = !process.argv.includes("--skip-domain") && process.argv.includes("--prod");
    // one that does not do as it is told: how "promote"
    if (isAsked || isTold("vercel deploy", "promote")) world.production = id;
    console.log(process.env.STAND_IN_URL);
  },
  "vercel promote": () => {
    world.production = world.newest;
  },
  "vercel rollback": () => {
    world.production = process.argv[3];
  },
};

const behaviour = () => JSON.parse(readFileSync(join(folder, "behaviour.json"), "utf8"));
/** @param {string} name @param {string} what */
const isTold = (name, what) => behaviour().at === name && behaviour().how === what;

/** @param {string} tool */
export async function standIn(tool) {
  const line = [tool, ...process.argv.slice(2)].join(" ");
  const name = Object.keys(DO).find((each) => line.startsWith(each));
  appendFileSync(join(folder, "calls.txt"), `${line}\n`);
  // a careless tool says what it was given
  console.error(`using ${process.env.SUPABASE_SECRET_KEY} and ${process.env.DEPLOY_DATABASE_URL}`);
  if (!name) throw new Error(`Nobody has said what to do at: ${line}`);
  const { at, how } = behaviour();
  const isAt = at !== undefined && name === at;
  if (isAt && how === "fail") process.exit(1);
  if (isAt && how === "hang") await new Promise((resolve) => setTimeout(resolve, 3_600_000));
  while (isAt && how === "wait" && behaviour().how === "wait") await new Promise((resolve) => setTimeout(resolve, 50));
  if (isAt && how === "kill before") await kill();
  DO[name]();
  keep();
  if (isAt && how === "fail after") process.exit(1);
  if (isAt && how === "kill after") await kill();
}

/** Once: whoever comes again is let alone. */
function kill() {
  writeFileSync(join(folder, "behaviour.json"), "{}");
  process.kill(process.ppid, "SIGKILL");
  process.exit(1);
}
