/** Signatures of Supabase Auth's HTTP hooks (Standard Webhooks). */
import { Webhook } from "standardwebhooks";

/**
 * Verifies against each of the secrets, `v1,whsec_<base64>` joined by `|` while they are being changed. A request that is
 * not signed with any of them, or more than five minutes old, throws.
 */
export function webhookVerifier(secrets: string): (body: string, headers: Record<string, string>) => unknown {
  const webhooks = secrets
    .split("|")
    .map((secret) => secret.trim().replace(/^v1,/, ""))
    .filter(Boolean)
    .map((secret) => new Webhook(secret));
  return (body, headers) => {
    // several signatures are joined by ", "; the standard knows spaces only
    const signature = headers["webhook-signature"]?.replaceAll(", ", " ");
    const given = { ...headers, ...(signature === undefined ? {} : { "webhook-signature": signature }) };
    let failure: unknown = new Error("no secret is configured");
    for (const webhook of webhooks) {
      try {
        return webhook.verify(body, given);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };
}
