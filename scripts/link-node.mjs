/**
 * After `npm install`: makes sure that `node`, in npm scripts, is the Node that came as a package. npm 11 has linked it
 * already. npm 10 links it too, but then removes the packages of other platforms and, with each, the command of that
 * name. Plain JavaScript: it runs on whatever Node there is.
 */
import { existsSync, lstatSync, symlinkSync, unlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(`../node_modules/${path}`, import.meta.url));
const { platform, arch } = process;
const link = at(".bin/node");

if (platform !== "win32") {
  // on Apple silicon the name without `bin` ends at an old version
  const name = `node${platform === "darwin" && arch === "arm64" ? "-bin" : ""}-${platform}-${arch}`;
  const program = `${name}/bin/node`;
  if (existsSync(at(program)) && !existsSync(link)) {
    if (lstatSync(link, { throwIfNoEntry: false })) unlinkSync(link);
    symlinkSync(`../${program}`, link);
  }
}
