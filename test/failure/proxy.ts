/** A server's address of its own, that can fail in the ways networks and servers do. */
import { connect, createServer, type Server, type Socket } from "node:net";

/** pass: as if it were not there; refuse: nobody listens; hang: connects and never answers; cut: closes at once. */
export type Mode = "pass" | "refuse" | "hang" | "cut";

export interface TcpProxy {
  readonly port: number;
  /** bytes that clients have sent so far */
  received(): number;
  /** Open connections are held or closed, too. */
  set(mode: Mode): Promise<void>;
  stop(): Promise<void>;
}

export async function startProxy(target: string): Promise<TcpProxy> {
  const { hostname, port: targetPort } = new URL(target);
  const sockets = new Set<Socket>();
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
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  };
  const accept = (client: Socket) => {
    keep(client);
    client.on("data", (bytes) => {
      received += bytes.length;
    });
    if (mode === "cut") return void client.destroy();
    const upstream = connect(Number(targetPort), hostname);
    keep(upstream);
    // held back in both directions while it hangs; what was held when that ends is lost with the connection
    client.on("data", (bytes) => mode === "pass" && upstream.write(bytes));
    upstream.on("data", (bytes) => mode === "pass" && client.write(bytes));
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => mode === "pass" && client.destroy());
  };
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
    received: () => received,
    async set(next) {
      const before = mode;
      mode = next;
      if (next === "refuse") return close();
      if (next === "cut" || before === "hang") closeAll();
      if (!server) await listen();
    },
    stop: close,
  };
}
