/** Imports the function in a process of its own, and prints what that took; with `sizes`, what was loaded for it. */
import { statSync } from "node:fs";
import { registerHooks } from "node:module";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";

let sockets = 0;
const { connect } = Socket.prototype;
Object.assign(Socket.prototype, {
  connect(this: Socket, ...options: unknown[]) {
    sockets++;
    return Reflect.apply(connect, this, options);
  },
});

const loaded = new Set<string>();
if (process.argv[2] === "sizes")
  registerHooks({
    load(url, context, next) {
      if (url.startsWith("file:")) loaded.add(fileURLToPath(url));
      return next(url, context);
    },
  });

const start = performance.now();
await import("../../api/index.ts");
const ms = performance.now() - start;
// what is begun by the import and not awaited shows a moment later
await new Promise((resolve) => setTimeout(resolve, 50));

const sizeOf = (paths: string[]) => paths.reduce((sum, path) => sum + statSync(path).size, 0);
const paths = [...loaded];
console.log(
  JSON.stringify({
    ms,
    sockets,
    files: paths.length,
    bytes: sizeOf(paths),
    own: sizeOf(paths.filter((path) => !path.includes("node_modules"))),
  }),
);
process.exit(0);
