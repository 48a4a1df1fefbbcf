/** The Deno that `npm install` brings: packages by platform that hold nothing but the program. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** There is no Deno for this platform, or it was left out of the install. */
class DenoMissing extends Error {
  override readonly name = "DenoMissing";
}

/**
 * The program's path. The package `deno` would find it, too, but links its program into place in an install script, or
 * else goes through a second Node each time. Throws `DenoMissing`.
 */
export function denoProgram(): string {
  const { platform, arch } = process;
  const name = `@deno/${platform}-${arch}${platform === "linux" ? "-glibc" : ""}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return join(dirname(manifest), platform === "win32" ? "deno.exe" : "deno");
  } catch (cause) {
    throw new DenoMissing(
      `The edge functions need Deno, and its package ${name} is not there: run npm install again without ` +
        "--omit=optional; there is one for Linux (glibc), macOS and Windows, each on x64 and ARM.",
      { cause },
    );
  }
}
