import { createServer, type Server as NetServer, type Socket } from "node:net";
import { execute, refusal, type Server } from "./commands/index.ts";
import { Framer, formatAnswer, ProtocolError, parseRequest, type Request, requestIdOf } from "./wire.ts";

async function answer(server: Server, message: Buffer, connectionId: number): Promise<Buffer | undefined> {
  let request: Request;
  try {
    request = parseRequest(message);
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    return formatAnswer(requestIdOf(message), refusal(error), false);
  }
  const result = await execute(server, request.command, connectionId);
  return request.silent ? undefined : formatAnswer(request.requestId, result, request.legacy);
}

function serve(server: Server, socket: Socket, connectionId: number): void {
  const framer = new Framer();
  socket.setNoDelay(true);
  // A client that goes away is no event of ours.
  socket.on("error", () => socket.destroy());
  // one after the other, though one may wait for a transaction of another connection
  let earlier = Promise.resolve();
  const serveNext = async (message: Buffer) => {
    const bytes = await answer(server, message, connectionId);
    if (bytes && socket.writable) socket.write(bytes);
  };
  socket.on("data", (chunk) => {
    try {
      for (const message of framer.push(chunk)) {
        earlier = earlier.then(() => serveNext(message)).catch(() => void socket.destroy());
      }
    } catch {
      socket.destroy();
    }
  });
}

/** Listens on the loopback address only; the stand-in knows no passwords. */
export async function listen(server: Server, port: number): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const net: NetServer = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    connections += 1;
    serve(server, socket, connections);
  });
  await new Promise<void>((resolve, reject) => {
    net.once("error", reject);
    net.listen(port, "127.0.0.1", resolve);
  });
  const address = net.address();
  return {
    port: typeof address === "object" && address ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        net.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
