import { request } from "node:http";

/** Sends a body without an end until the other side has had enough; the status, and how many bytes that took. */
export const pour = (url: string, method: string, headers: Record<string, string>) =>
  new Promise<{ status: number; sent: number }>((resolve, reject) => {
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
