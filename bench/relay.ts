/** A server's address of its own that counts what comes from it. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

export interface Relay {
  /** `url` with the relay's host and port in place of the server's */
  url: string;
  /** bytes that the server has sent so far */
  sent(): number;
  stop(): Promise<void>;
}

export async function startRelay(url: string): Promise<Relay> {
  const target = new URL(url);
  let sent = 0;
  const server = createServer((client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port) });
    upstream.on("data", (bytes) => {
      sent += bytes.length;
    });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      from
        .setNoDelay(true)
        .on("error", () => to.destroy())
        .on("close", () => to.destroy())
        .pipe(to);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const own = new URL(url);
  own.hostname = "127.0.0.1";
  own.port = String((server.address() as AddressInfo).port);
  return {
    url: own.toString().replace(/\/$/, ""),
    sent: () => sent,
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}
