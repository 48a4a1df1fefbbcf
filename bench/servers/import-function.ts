/**
 * Imports the function that argv names in a process of its own, and prints what that took; with `sizes`, what was loaded
 * for it.
 */
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

const [, , file = "", wanted] = process.argv;
const loaded = new Set<string>();
if (wanted === "sizes")
  registerHooks({
    load(url, context, next) {
      if (url.startsWith("file:")) loaded.add(fileURLToPath(url));
      return next(url, context);
    },
  });

const [start, cpu] = [performance.now(), process.cpuUsage()];
await import(file);
const ms = performance.now() - start;
const { user, system } = process.cpuUsage(cpu);
// what is begun by the import and not awaited shows a moment later
await new Promise((resolve) => setTimeout(resolve, 50));

const sizeOf = (paths: string[]) => paths.reduce((sum, path) => sum + statSync(path).size, 0);
const paths = [...loaded];
const own = paths.filter((path) => !/\/node_modules\/(?!\.cache\/)/.test(path));
console.log(
  JSON.stringify({
    ms,
    cpuMs: (user + system) / 1000,
    sockets,
    files: paths.length,
    bytes: sizeOf(paths),
    own: sizeOf(own),
  }),
);
process.exit(0);
