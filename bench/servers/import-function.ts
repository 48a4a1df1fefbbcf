/**
 * Imports the function that argv names in a process of its own, then what the first request to MongoDB imports, and prints
 * what that took; with `sizes`, how much was loaded, too.
 */
import { statSync } from "node:fs";
import { registerHooks } from "node:module";
import { Socket } from "node:net";
import { fileURLToPath, pathToFileURL } from "node:url";

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

/** Milliseconds by the clock and of processor time. */
async function timed(load: () => Promise<unknown>) {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await load();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000 };
}

const sizesOf = (paths: string[]) => {
  const bytes = (some: string[]) => some.reduce((sum, path) => sum + statSync(path).size, 0);
  const own = paths.filter((path) => !/\/node_modules\/(?!\.cache\/)/.test(path));
  return { files: paths.length, bytes: bytes(paths), own: bytes(own) };
};

const imported = await timed(() => import(file));
// what is begun by the import and not awaited shows a moment later
await new Promise((resolve) => setTimeout(resolve, 50));
const before = [...loaded];
const shared = new URL("../shared/mongo/", pathToFileURL(file));
const mongo = await timed(() =>
  Promise.all(["connection.js", "index.js"].map((name) => import(new URL(name, shared).href))),
);
const more = [...loaded].slice(before.length);
console.log(JSON.stringify({ ...imported, sockets, ...sizesOf(before), mongo: { ...mongo, ...sizesOf(more) } }));
process.exit(0);
