import { request } from "node:http";

interface Poured {
  status: number;
  sent: number;
}

/** A server that closes on what it will not read resets the connection, and the reset may overtake its answer. */
const TRIES = 5;

/**
 * Sends a body without an end until the other side has had enough; the status, and how many bytes that took. The status is
 * 0 where the connection was reset each time before the answer could be read (RFC 9112, 9.6).
 */
export async function pour(url: string, method: string, headers: Record<string, string>): Promise<Poured> {
  let poured = { status: 0, sent: 0 };
  for (let tries = 0; tries < TRIES && poured.status === 0; tries++) poured = await pourOnce(url, method, headers);
  return poured;
}

const pourOnce = (url: string, method: string, headers: Record<string, string>) =>
  new Promise<Poured>((resolve, reject) => {
    let [status, sent] = [0, 0];
    const chunked = { ...headers, "transfer-encoding": "chunked" };
    const asked = request(url, { method, headers: chunked, agent: false }, (response) => {
      status = response.statusCode ?? 0;
      response.resume();
    });
    const chunk = Buffer.alloc(65_536, "[");
    const more = () => {
      while (!asked.destroyed && status === 0) {
        sent += chunk.length;
        if (!asked.write(chunk)) return;
      }
      asked.destroy();
    };
    asked.on("drain", more);
    asked.on("close", () => resolve({ status, sent }));
    asked.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
    });
    more();
  });
