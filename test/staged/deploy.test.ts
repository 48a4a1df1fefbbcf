/** A deployment with stand-ins that fail, hang, or kill it at each stage: the good version keeps the traffic, or gets it back. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { PATIENT } from "../setup/patience.ts";
import { PASSWORD, SECRET_KEY, startProject } from "./project.ts";

let project: Awaited<ReturnType<typeof startProject>>;
beforeAll(async () => {
  project = await startProject();
});
afterAll(() => project?.stop());
beforeEach(() => project.reset());

const DEPLOY = "deploy --watch=1s";
const STAGES = ["checks", "backup", "build", "migrate", "prepare", "functions", "upload", "smoke", "promote", "watch"];

/** What is left of an undisturbed deployment. */
async function expectDeployed(): Promise<void> {
  const { applied, deployments, production, functions } = await project.world();
  expect(applied).toEqual(["20260101000000_first.sql", "20260102000000_second.sql"]);
  expect(functions).toBe("functions of this revision");
  expect(deployments[production]?.revision).toBe(project.revision);
  const { outcome, stages } = await project.state();
  expect(outcome).toBe("done");
  expect(Object.entries(stages).map(([name, { state }]) => [name, state])).toEqual(
    STAGES.map((name) => [name, "done"]),
  );
}
const expectOld = async () => expect((await project.world()).production).toBe("dpl_old");

describe("undisturbed", () => {
  test("every stage in its order, once", async () => {
    const { code, said } = await project.deploy(DEPLOY);
    expect(said).toContain("[10/10] watch: done");
    expect(code).toBe(0);
    await expectDeployed();
    const calls = await project.calls();
    const short = calls.map((line) =>
      line.replace(/ (--db-url|--project-ref|--environment|https?:|127|--timeout).*/, ""),
    );
    expect(short).toEqual([
      ...["supabase db push --dry-run", "switchyard doctor --before-deploy"],
      ...["switchyard backup create --full", "switchyard backup verify"],
      ...["vercel pull --yes", "vercel build --yes --prod"],
      ...["supabase db push --yes", "switchyard db prepare", "supabase functions deploy --use-api"],
      ...["vercel inspect", "vercel deploy --prebuilt --yes --prod --skip-domain", "vercel promote"],
    ]);
    expect(project.notes.map(({ action }) => action)).toEqual(["deploy"]);
  });

  test("says no secret, although the tools do", async () => {
    const { said } = await project.deploy(DEPLOY);
    expect(said).toContain("using *** and ***");
    for (const secret of [PASSWORD, SECRET_KEY, "sb_secret_of_the_shell", "the-smoke-users-own"])
      expect(said).not.toContain(secret);
  });

  test("a dry run calls nobody and changes nothing", async () => {
    const { code, said } = await project.deploy(`${DEPLOY} --dry-run`);
    expect([code, await project.calls()]).toEqual([0, []]);
    expect(said).toContain("smoke");
    await expectOld();
  });

  test("is there to be looked at, and led back by hand", async () => {
    expect((await project.deploy("deploy status")).said).toContain("Nothing was deployed");
    await project.deploy(DEPLOY);
    expect((await project.deploy("deploy status")).said).toMatch(/: done\n/);
    const { code, said } = await project.deploy("deploy rollback --reason=prices");
    expect([code, said]).toEqual([0, expect.stringContaining("because prices")]);
    await expectOld();
    expect((await project.state()).outcome).toBe("rolled back");
  });

  test("another deployment at the same time is refused", async () => {
    await project.behave("vercel promote", "wait");
    const first = project.deploy(DEPLOY);
    await expect.poll(() => project.calls(), PATIENT).toContainEqual(expect.stringMatching(/^vercel promote/));
    expect(await project.deploy(DEPLOY)).toMatchObject({
      code: 1,
      said: expect.stringMatching(/Process \d+ deploys to production now/),
    });
    await project.behave();
    expect((await first).code).toBe(0);
  });
});

const CALLS = [
  ...["supabase db push --dry-run", "switchyard doctor --before-deploy"],
  ...["switchyard backup create --full", "switchyard backup verify", "vercel pull", "vercel build"],
  ...["supabase db push --yes", "switchyard db prepare", "supabase functions deploy", "vercel deploy"],
];

describe("a stage that fails", () => {
  for (const at of [...CALLS, "vercel promote"])
    test(`${at}: the old version keeps the traffic, and the next run goes on there`, async () => {
      await project.behave(at, "fail");
      const failed = await project.deploy(DEPLOY);
      expect(failed.code).toBe(1);
      await expectOld();
      await project.behave();
      expect((await project.deploy(DEPLOY)).code).toBe(0);
      await expectDeployed();
    });

  test("a promotion that says it failed and did not is taken for what it is", async () => {
    await project.behave("vercel promote", "fail after");
    expect((await project.deploy(DEPLOY)).code).toBe(0);
    await expectDeployed();
  });

  test("a call that hangs is ended", async () => {
    await project.behave("supabase db push --dry-run", "hang");
    const { code, said } = await project.deploy(`${DEPLOY} --step-timeout=1s`);
    expect([code, said]).toEqual([1, expect.stringContaining("did not end within 1 s")]);
    await expectOld();
  });

  test("a promotion that hangs leaves the traffic where it was", async () => {
    await project.behave("vercel promote", "fail");
    await project.deploy(DEPLOY);
    await project.behave("vercel promote", "hang");
    const { code, said } = await project.deploy(`${DEPLOY} --step-timeout=1s`);
    expect([code, said]).toEqual([1, expect.stringContaining("did not end within 1 s")]);
    await expectOld();
  });

  test("smoke: a new version that does not answer is not promoted", async () => {
    project.answers.status = (where) => (where === "new" ? 503 : 200);
    const { code, said } = await project.deploy(DEPLOY);
    expect([code, said]).toEqual([1, expect.stringContaining("/api/health answers 503")]);
    expect(await project.calls()).not.toContainEqual(expect.stringContaining("vercel promote"));
    await expectOld();
  });
});

describe("a platform that leads traffic to what is only uploaded", () => {
  test("the version is taken where it stands, if it is good", async () => {
    await project.behave("vercel deploy", "promote");
    const { code, said } = await project.deploy(DEPLOY);
    expect([code, said]).toEqual([0, expect.stringContaining("it was there already")]);
    await expectDeployed();
  });

  test("and led back at once, if it is not", async () => {
    await project.behave("vercel deploy", "promote");
    // its files answer, its functions do not
    project.answers.status = (where, is, path) =>
      path !== "/deployment.json" && (where === "new" || is === project.revision) ? 503 : 200;
    const { code, said } = await project.deploy(DEPLOY);
    expect([code, said]).toEqual([1, expect.stringContaining("Rolled back to dpl_old")]);
    await expectOld();
  });
});

describe("a version that fails under traffic", () => {
  const failing = () => {
    project.answers.status = (where, revision, path) =>
      where === "production" && revision === project.revision && path !== "/deployment.json" ? 500 : 200;
  };

  test("is led back by itself", async () => {
    failing();
    const { code, said } = await project.deploy(DEPLOY);
    expect([code, said]).toEqual([
      1,
      expect.stringContaining("Rolled back to dpl_old, because 3 looks failed in a row"),
    ]);
    await expectOld();
    expect((await project.state()).outcome).toBe("rolled back");
  });

  for (const how of ["kill before", "kill after"])
    test(`is led back when whoever does it is killed (${how})`, async () => {
      failing();
      await project.behave("vercel rollback", how);
      expect((await project.deploy(DEPLOY)).signal).toBe("SIGKILL");
      const { code, said } = await project.deploy(DEPLOY);
      expect([code, said]).toEqual([1, expect.stringContaining("that is finished first")]);
      await expectOld();
    });

  test("a rollback that the platform refuses is said loudly, and done by the next run", async () => {
    failing();
    await project.behave("vercel rollback", "fail");
    const refused = await project.deploy(DEPLOY);
    expect([refused.code, refused.said]).toEqual([1, expect.stringContaining("TRAFFIC COULD NOT BE LED BACK")]);
    await project.behave();
    await project.deploy(DEPLOY);
    await expectOld();
  });
});

describe("killed", () => {
  for (const at of [...CALLS, "vercel promote"])
    for (const how of at.startsWith("switchyard") ? ["kill"] : ["kill before", "kill after"])
      test(`${how} ${at}: run again, it equals an undisturbed run`, async () => {
        await project.behave(at, how);
        expect((await project.deploy(DEPLOY)).signal).toBe("SIGKILL");
        expect(await project.deploy(DEPLOY)).toMatchObject({ code: 0 });
        await expectDeployed();
      });

  for (const [stage, where, looks] of [
    ["smoke", "new", 1],
    ["watch", "production", 1],
  ] as const)
    test(`while it looks (${stage}): run again, it equals an undisturbed run`, async () => {
      let seen = 0;
      project.answers.onRequest = (at, revision, path) => {
        const isIt = at === where && revision === project.revision && path === "/api/health";
        if (isIt && ++seen === looks) process.kill(project.pid() ?? 0, "SIGKILL");
      };
      expect((await project.deploy(DEPLOY)).signal).toBe("SIGKILL");
      project.answers.onRequest = () => {};
      expect((await project.deploy("deploy status")).said).toContain("not finished, and nobody is at it");
      expect(await project.deploy(DEPLOY)).toMatchObject({ code: 0 });
      await expectDeployed();
    });
});

describe("Ctrl-C", () => {
  for (const at of [...CALLS, "vercel promote"].filter((call) => !call.startsWith("switchyard")))
    test(`at ${at}: the old version keeps the traffic; run again, it equals an undisturbed run`, async () => {
      await project.behave(at, "wait");
      const first = project.deploy(DEPLOY);
      await expect.poll(() => project.calls(), PATIENT).toContainEqual(expect.stringContaining(at));
      project.interrupt();
      const { code, signal, said } = await first;
      expect([code, signal]).toEqual([1, null]);
      expect(said).toContain("Ending after the steps under way");
      await expectOld();
      await project.behave();
      expect(await project.deploy(DEPLOY)).toMatchObject({ code: 0 });
      await expectDeployed();
    });

  test("while it watches: what that leaves is said, and the next run watches", async () => {
    let isSent = false;
    project.answers.onRequest = (where, revision, path) => {
      if (isSent || where !== "production" || revision !== project.revision || path !== "/api/health") return;
      isSent = true;
      project.interrupt();
    };
    const { code, said } = await project.deploy(DEPLOY);
    expect([code, said]).toEqual([1, expect.stringContaining("has the traffic, and nobody watches it")]);
    expect(await project.deploy(DEPLOY)).toMatchObject({ code: 0 });
    await expectDeployed();
  });

  test("in the middle of a rollback: it is led back all the same", async () => {
    project.answers.status = (where, is, path) =>
      path !== "/deployment.json" && where === "production" && is === project.revision ? 503 : 200;
    await project.behave("vercel rollback", "wait");
    const first = project.deploy(DEPLOY);
    await expect.poll(() => project.calls(), PATIENT).toContainEqual(expect.stringContaining("vercel rollback"));
    await project.behave();
    project.interrupt();
    expect(await first).toMatchObject({ code: 1, said: expect.stringContaining("Rolled back to dpl_old") });
    await expectOld();
  });
});

describe("refused before anything is done", () => {
  const refused = async (line: string, words: string) => {
    const { code, said } = await project.deploy(line);
    expect(said).toContain(words);
    expect(code).not.toBe(0);
    expect(said).not.toContain(PASSWORD);
    await expectOld();
    return said;
  };

  test("a production secret in a preview, by name", async () => {
    await project.setEnvironment("preview", {
      SUPABASE_SECRET_KEY: "sb_secret_preview_0123456789",
      DEPLOY_DATABASE_URL: "",
    });
    await refused("deploy --environment=preview", "MONGODB_URI is production's MONGODB_URI");
    // another database beside the same password
    await project.setEnvironment("preview", { MONGODB_URI: `mongodb://user:${PASSWORD}@127.0.0.1:9/preview` });
    await refused("deploy --environment=preview", "MONGODB_URI is production's MONGODB_URI");
    expect(await project.calls()).toEqual([]);
  });

  test("a production secret that Vercel has for previews", async () => {
    const own = {
      SUPABASE_SECRET_KEY: "sb_secret_preview_0123456789",
      MONGODB_URI: "mongodb://user:of-the-preview@127.0.0.1:9/app",
      DEPLOY_DATABASE_URL: "postgres://postgres:of-the-preview@127.0.0.1:9/postgres",
      SMOKE_PASSWORD: "of-the-preview-too",
    };
    await project.setEnvironment("preview", own);
    await refused("deploy --environment=preview", "SUPABASE_SECRET_KEY is production's SUPABASE_SECRET_KEY");
    await project.setPulled(own);
    expect(await project.deploy("deploy --environment=preview")).toMatchObject({ code: 0 });
    await expectOld();
  });

  test("migrations that take away, by name and line; not with --contract", async () => {
    const file = join(project.root, "supabase", "migrations", "20260103000000_third.sql");
    await writeFile(file, "-- why\nalter table a\n  drop column b;\n");
    await project.git("add", "-A");
    await project.git("commit", "-qm", "contract");
    try {
      await refused(DEPLOY, "20260103000000_third.sql:2 drops the column a.b");
      expect(await project.calls()).not.toContainEqual(expect.stringContaining("--yes"));
      expect(await project.deploy(`${DEPLOY} --contract`)).toMatchObject({ code: 0 });
    } finally {
      await project.git("reset", "-q", "--hard", "HEAD~1");
    }
  });

  test("no backup, and no reason", async () => {
    await refused(`${DEPLOY} --without-backup=`, "needs a reason");
    expect(await project.deploy(`${DEPLOY} --without-backup=empty`)).toMatchObject({ code: 0 });
    expect(await project.calls()).not.toContainEqual(expect.stringContaining("backup"));
    expect(project.notes.slice(-1)).toEqual([
      { action: "deploy", asked: expect.objectContaining({ "without-backup": "empty" }) },
    ]);
  });

  test("an environment that nobody knows, a variable that nothing reads, a file that is committed, changes", async () => {
    await refused("deploy --environment=staging", "There is no .env.staging");
    await refused("deploy --environment=live", "--environment is one of");
    await project.setEnvironment("production", { MONGODB_URL: "mongodb://x" });
    await refused(DEPLOY, "variables that nothing reads: MONGODB_URL");
    await project.reset();
    await writeFile(join(project.root, "functions.txt"), "changed");
    await refused(DEPLOY, "changes that are not committed");
    await project.git("checkout", "-q", "functions.txt");
    await project.git("add", "-f", ".env.production");
    await refused(DEPLOY, "Files with secrets are committed: .env.production");
    await project.git("reset", "-q");
  });

  test("another revision while one is not finished, unless it is to begin anew", async () => {
    await project.behave("vercel build", "fail");
    await project.deploy(DEPLOY);
    await project.git("commit", "-q", "--allow-empty", "-m", "later");
    try {
      await refused(DEPLOY, "begin anew: --restart");
      await project.behave();
      expect(await project.deploy(`${DEPLOY} --restart`)).toMatchObject({ code: 0 });
      const { code, said } = await project.deploy(`${DEPLOY} --resume`);
      expect([code, said]).toEqual([1, expect.stringContaining("Nothing is to be resumed")]);
    } finally {
      await project.git("reset", "-q", "--hard", "HEAD~1");
    }
  });
});
