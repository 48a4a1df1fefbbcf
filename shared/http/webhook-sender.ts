/** Signed requests to a receiver of the operator's (Standard Webhooks). */
import { Webhook } from "standardwebhooks";

export interface WebhookReceiver {
  url: string;
  /** whsec_<base64> */
  secret: string;
  /** for the whole request; 5 s unless told */
  timeoutMs?: number | undefined;
  fetch?: typeof globalThis.fetch | undefined;
  clock?: () => number;
}

/**
 * Sends one message; undefined when the receiver has answered 2xx, else why it is to be sent again, in words without the
 * address. `id` is the same for the same message, so that a receiver knows what it has had. Never rejects.
 */
export type SendWebhook = (id: string, payload: object) => Promise<string | undefined>;

export function createWebhookSender(receiver: WebhookReceiver): SendWebhook {
  const { url, secret, timeoutMs = 5_000, fetch = globalThis.fetch, clock = Date.now } = receiver;
  const webhook = new Webhook(secret);
  return async (id, payload) => {
    const body = JSON.stringify(payload);
    const at = new Date(clock());
    try {
      const answer = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "webhook-id": id,
          "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
          "webhook-signature": webhook.sign(id, at, body),
        },
        body,
        // to another address the signature would be a gift
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutMs),
      });
      await answer.body?.cancel();
      return answer.ok ? undefined : `The receiver answered ${answer.status}.`;
    } catch (error) {
      return (error as Error).name === "TimeoutError"
        ? `The receiver did not answer within ${timeoutMs} ms.`
        : "The receiver cannot be reached.";
    }
  };
}
