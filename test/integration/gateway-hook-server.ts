/** A stand-in for the edge function `before-user-created`: each test says what it answers, and sees what it was asked. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";

interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Answer = (response: ServerResponse, asked: Asked) => void;

export interface HookServer {
  readonly url: string;
  /** What it was asked since the last `answer`. */
  readonly asked: Asked[];
  answer(next: Answer): void;
  close(): Promise<void>;
}

export const allow: Answer = (response) => json(response, 200, {});

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

export async function hookServer(): Promise<HookServer> {
  let answer: Answer = allow;
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const one = { headers: request.headers, body };
    asked.push(one);
    answer(response, one);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/before-user-created`,
    asked,
    answer(next) {
      answer = next;
      asked.length = 0;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
