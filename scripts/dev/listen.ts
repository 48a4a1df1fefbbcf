/** Holds a port before there is anything to serve on it. */
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";

/** `env` holds the connection, as @hono/node-server gives it. */
type Handler = (request: Request, env?: object) => Response | Promise<Response>;

export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Requests that came before are answered 503. */
  serve(handler: Handler): void;
  close(): Promise<void>;
}

/** A port that something else holds. */
export class PortTaken extends Error {
  readonly port: number;
  constructor(port: number) {
    super(`Port ${port} is taken`);
    this.name = "PortTaken";
    this.port = port;
  }
}

/** Listens on `host`, and is always reached at 127.0.0.1 from here; 0 takes a free port. Throws `PortTaken`. */
export async function listen(port: number, host = "127.0.0.1"): Promise<Listening> {
  let handler: Handler = () => new Response("Starting", { status: 503, headers: { "retry-after": "1" } });
  const server = createServer(getRequestListener((request, env) => handler(request, env)));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(error.code === "EADDRINUSE" || error.code === "EACCES" ? new PortTaken(port) : error),
    );
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const bound = typeof address === "object" && address ? address.port : port;
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    serve(next) {
      handler = next;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      // what is being answered gets a moment; a client that holds on does not keep us
      const late = setTimeout(() => server.closeAllConnections(), 1000);
      await closed;
      clearTimeout(late);
    },
  };
}
