/** Loaded before an entry point: says what is needed where Node is too old to read TypeScript. Plain JavaScript, therefore. */
import * as module from "node:module";
import { fileURLToPath } from "node:url";

const NEEDED = 24;

if (Number(process.versions.node.split(".")[0]) < NEEDED) {
  console.error(
    `Switchyard runs on Node ${NEEDED} or newer, and this is ${process.version}: run npm install again, without ` +
      `--omit=optional or --ignore-scripts (it brings Node for Linux, macOS and Windows), or install Node ${NEEDED}.`,
  );
  process.exit(1);
}

// what was compiled once is not compiled again: half of what a command takes to start. Processes that it starts do the same.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("../node_modules/.cache/switchyard-node", import.meta.url));
module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
