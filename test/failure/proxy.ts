/** A server's address of its own, that can fail in the ways networks and servers do. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { callsIn } from "./calls-on-the-wire.ts";

/**
 * pass: as if it were not there; refuse: nobody listens; hang: connects and never answers; cut: closes at once;
 * slow: every answer comes so late as the proxy was told.
 */
export type Mode = "pass" | "refuse" | "hang" | "cut" | "slow";

/** By default: longer than a health probe waits, shorter than a request's deadline. */
const SLOW_MS = 2_000;

export interface TcpProxy {
  readonly port: number;
  /** bytes that clients have sent so far */
  received(): number;
  /** names of the calls that clients have sent so far: MongoDB's commands, paths of HTTP */
  readonly calls: readonly string[];
  /** Open connections are held or closed, too. */
  set(mode: Mode): Promise<void>;
  /** Cuts the connection on which the next such call comes, once the server has answered it. Resolves when it did. */
  loseAnswerTo(call: RegExp): Promise<void>;
  /** Keeps back the answers to such calls, and all that comes after them on their connections, until it is released. */
  hold(call: RegExp): { release(): void };
  stop(): Promise<void>;
}

/** `calls` takes the names of the calls, also those of another proxy. */
export async function startProxy(target: string, slowMs = SLOW_MS, calls: string[] = []): Promise<TcpProxy> {
  const { hostname, port: targetPort } = new URL(target);
  const sockets = new Set<Socket>();
  let holding: { call: RegExp; writes: (() => void)[] } | undefined;
  let losing: { call: RegExp; lost: () => void } | undefined;
  let mode: Mode = "pass";
  let received = 0;
  let port = 0;
  let server: Server | undefined;

  const closeAll = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket
      .setNoDelay(true)
      // each answer that is late has one
      .setMaxListeners(0)
      .on("error", () => undefined)
      .on("close", () => sockets.delete(socket));
  };
  const accept = (client: Socket) => {
    keep(client);
    let lose: (() => void) | undefined;
    let held: typeof holding;
    client.on("data", (bytes) => {
      received += bytes.length;
      const made = callsIn(bytes);
      calls.push(...made);
      if (holding && made.some((call) => holding?.call.test(call))) held = holding;
      if (losing && made.some((call) => losing?.call.test(call))) {
        lose = losing.lost;
        losing = undefined;
      }
    });
    if (mode === "cut") return void client.destroy();
    const upstream = connect(Number(targetPort), hostname);
    keep(upstream);
    // held back in both directions while it hangs; what was held when that ends is lost with the connection
    client.on("data", (bytes) => isOpen() && upstream.write(bytes));
    const late = lateWriter(client, slowMs);
    upstream.on("data", (bytes) => {
      if (lose) {
        client.destroy();
        upstream.destroy();
        lose();
      } else if (held && held === holding) held.writes.push(() => client.write(bytes));
      else if (mode === "slow" || late.isBusy()) late.write(bytes);
      else if (mode === "pass") client.write(bytes);
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => isOpen() && client.destroy());
  };
  const isOpen = () => mode === "pass" || mode === "slow";
  const listen = () =>
    new Promise<void>((resolve, reject) => {
      server = createServer(accept);
      server.once("error", reject).listen(port, "127.0.0.1", () => {
        const address = server?.address();
        if (typeof address === "object" && address) port = address.port;
        resolve();
      });
    });
  const close = () =>
    new Promise<void>((resolve) => {
      closeAll();
      if (server) server.close(() => resolve());
      else resolve();
      server = undefined;
    });
  await listen();

  return {
    get port() {
      return port;
    },
    calls,
    received: () => received,
    async set(next) {
      const before = mode;
      mode = next;
      if (next === "refuse") return close();
      if (next === "cut" || before === "hang") closeAll();
      if (!server) await listen();
    },
    loseAnswerTo: (call) =>
      new Promise((resolve) => {
        losing = { call, lost: resolve };
      }),
    hold(call) {
      const mine: NonNullable<typeof holding> = { call, writes: [] };
      holding = mine;
      return {
        release() {
          if (holding === mine) holding = undefined;
          for (const write of mine.writes.splice(0)) write();
        },
      };
    },
    stop: close,
  };
}

/** Writes in order, each piece late; `isBusy` while something waits, behind which everything has to queue. */
function lateWriter(socket: Socket, slowMs: number) {
  let waiting = 0;
  return {
    isBusy: () => waiting > 0,
    write(bytes: Uint8Array) {
      waiting++;
      const timer = setTimeout(() => {
        waiting--;
        socket.write(bytes);
      }, slowMs);
      socket.once("close", () => clearTimeout(timer));
    },
  };
}
