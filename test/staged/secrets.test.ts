/** What is remembered of environments' secrets, so that no other environment gets them. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ENVIRONMENTS } from "../../scripts/deploy/environments.ts";
import { refuseForeignSecrets, rememberSecrets } from "../../scripts/deploy/secrets.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "switchyard-secrets-"));
});
afterEach(() => rm(folder, { recursive: true }));

const envOf = (name: string) => ({ MONGODB_URI: `mongodb://user:password-of-${name}@127.0.0.1:9/app` });
const refused = (environment: (typeof ENVIRONMENTS)[number], of: string) =>
  refuseForeignSecrets({ root: folder, folder }, environment, envOf(of));

test("deployments of every environment at once: none is forgotten", async () => {
  await Promise.all(ENVIRONMENTS.map((name) => rememberSecrets(folder, name, envOf(name))));
  await expect(refused("preview", "production")).rejects.toThrow("MONGODB_URI is production's MONGODB_URI");
  await expect(refused("preview", "staging")).rejects.toThrow("MONGODB_URI is staging's MONGODB_URI");
  await expect(refused("staging", "production")).rejects.toThrow("MONGODB_URI is production's MONGODB_URI");
  expect(await refused("staging", "staging")).toBe("compared");
  for (const file of await readdir(folder))
    expect(await readFile(join(folder, file), "utf8")).not.toContain("password");
});

test("one that is damaged is said, and not taken for none", async () => {
  await rememberSecrets(folder, "production", envOf("production"));
  const [file = ""] = await readdir(folder);
  await writeFile(join(folder, file), "{");
  await expect(refused("preview", "preview")).rejects.toThrow(/production\.fingerprints\.json is damaged/);
});

test("what was kept of all of them in one file is still known", async () => {
  await rememberSecrets(folder, "production", envOf("production"));
  const [file = ""] = await readdir(folder);
  const { salt, secrets } = JSON.parse(await readFile(join(folder, file), "utf8"));
  await rm(join(folder, file));
  await writeFile(join(folder, "fingerprints.json"), JSON.stringify({ salt, environments: { production: secrets } }));
  await expect(refused("preview", "production")).rejects.toThrow("MONGODB_URI is production's MONGODB_URI");
});
