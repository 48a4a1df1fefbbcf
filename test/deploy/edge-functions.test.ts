/** Each edge function started by Deno on its own, with the deno.json that is deployed with it. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { denoProgram } from "../../scripts/dev/deno.ts";
import { PATIENT } from "../setup/patience.ts";

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });

async function start(name: string): Promise<string> {
  const port = await freePort();
  const child = spawn(
    denoProgram(),
    [
      "serve",
      "--allow-all",
      "--port",
      String(port),
      "--host",
      "127.0.0.1",
      "--config",
      `supabase/functions/${name}/deno.json`,
      `supabase/functions/${name}/index.ts`,
    ],
    {
      env: {
        // where certificates and the registry are, too
        ...process.env,
        SUPABASE_URL: "http://127.0.0.1:9",
        SUPABASE_SECRET_KEY: "sb_secret_of_the_deployment_test",
        BEFORE_USER_CREATED_HOOK_SECRET: "v1,whsec_c3dpdGNoeWFyZC1kZXBsb3ltZW50LXRlc3Qtc2VjcmV0",
      },
      stdio: "inherit",
    },
  );
  children.push(child);
  const url = `http://127.0.0.1:${port}/${name}`;
  await expect
    .poll(
      () =>
        fetch(url).then(
          () => "answers",
          () => "silent",
        ),
      PATIENT,
    )
    .toBe("answers");
  return url;
}

const names = (await readdir("supabase/functions", { withFileTypes: true })).filter((entry) => entry.isDirectory());

test.each(names.map(({ name }) => name))("%s starts and turns away callers without proof", async (name) => {
  const url = await start(name);
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
  expect(answer.status).toBe(401);
  await answer.body?.cancel();
});
