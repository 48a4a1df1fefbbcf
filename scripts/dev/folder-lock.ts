/**
 * One system for one folder. The lock names a port of this process that repeats the lock's own token: a lock that
 * nobody answers for was left behind by a system that was killed, whatever process has its number now.
 */
import { randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";

const ANSWER_MS = 500;

interface Lock {
  readonly port: number;
  readonly token: string;
  readonly pid: number;
}

/** Resolves with the release, or with the number of the process that holds the lock. */
export async function takeLock(file: string): Promise<(() => Promise<void>) | number> {
  const token = randomUUID();
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end(token);
  }).unref();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const mine = `${file}.${process.pid}`;
  await writeFile(mine, JSON.stringify({ port, token, pid: process.pid } satisfies Lock), { mode: 0o600 });
  try {
    for (;;) {
      try {
        await link(mine, file); // fails when there is one; never half a file
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const holder = await holderOf(file);
      if (holder) {
        server.close();
        return holder;
      }
      await rm(file, { force: true });
    }
  } finally {
    await rm(mine, { force: true });
  }
  return async () => {
    await rm(file, { force: true });
    server.close();
  };
}

/** The process that holds the lock; undefined when none does. */
export async function holderOf(file: string): Promise<number | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  if (!text) return undefined;
  const { port, token, pid } = JSON.parse(text) as Lock;
  return (await answers(port, token)) ? pid : undefined;
}

const answers = (port: number, token: string) =>
  new Promise<boolean>((resolve) => {
    let heard = "";
    const socket = connect({ port, host: "127.0.0.1" });
    socket.setTimeout(ANSWER_MS);
    socket.on("data", (chunk) => {
      heard += chunk;
    });
    socket.once("error", () => resolve(false));
    socket.once("end", () => resolve(heard === token));
    // connected and silent: a system that is busy, or stopped in a debugger
    socket.once("timeout", () => {
      socket.destroy();
      resolve(true);
    });
  });
