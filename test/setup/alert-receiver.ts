/** Takes alerts as a receiver of the operator's does: checks the signature, and answers what the test wants. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";

export const RECEIVER_SECRET = `whsec_${Buffer.from("a secret of a receiver of alerts, for tests").toString("base64")}`;

interface ReceivedAlert {
  id: string;
  status: number;
  type: string;
  data: { kind: string; subject: string; detail: string; began_at: string | null; ended_at: string | null };
}

/** Every message that came with a good signature, in their order, and what each was answered. */
export async function startReceiver(): Promise<{
  url: string;
  received: ReceivedAlert[];
  /** of the next messages */
  answer(status: number): void;
  stop(): Promise<void>;
}> {
  const received: ReceivedAlert[] = [];
  let next = 204;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const message = new Webhook(RECEIVER_SECRET).verify(body, request.headers as Record<string, string>);
    received.push({ ...(message as ReceivedAlert), id: String(request.headers["webhook-id"]), status: next });
    response.writeHead(next).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`,
    received,
    answer: (status) => {
      next = status;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
