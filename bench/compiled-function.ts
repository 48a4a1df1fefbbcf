/** The function as JavaScript, file by file, as it is deployed: nothing strips types at a cold start. */
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Inside node_modules, so that packages are found from there. */
const OUT = join(ROOT, "node_modules/.cache/switchyard-bench");

/** Compiles it anew; the path of its entry. */
export async function compiledFunction(): Promise<string> {
  await rm(OUT, { recursive: true, force: true });
  for (const folder of ["api", "shared"])
    for (const name of await readdir(join(ROOT, folder), { recursive: true })) {
      if (!name.endsWith(".ts")) continue;
      const { outputText } = ts.transpileModule(await readFile(join(ROOT, folder, name), "utf8"), {
        compilerOptions: {
          module: ts.ModuleKind.ESNext,
          target: ts.ScriptTarget.ES2023,
          verbatimModuleSyntax: true,
          rewriteRelativeImportExtensions: true,
        },
      });
      const out = join(OUT, folder, name.replace(/\.ts$/, ".js"));
      await mkdir(dirname(out), { recursive: true });
      await writeFile(out, outputText);
    }
  await cp(join(ROOT, "package.json"), join(OUT, "package.json"));
  return join(OUT, "api/index.js");
}
