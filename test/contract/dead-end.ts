/** Addresses at which no database answers. */
import { createServer, type Socket } from "node:net";

export interface DeadEnd {
  port: number;
  close(): Promise<void>;
}

/** A server that takes connections and never answers (`silent`), or a port where nobody listens (`refusing`). */
export async function deadEnd(how: "silent" | "refusing"): Promise<DeadEnd> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  if (how === "refusing") await close();
  return { port, close: how === "refusing" ? async () => {} : close };
}
