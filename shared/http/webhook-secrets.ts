/** Signatures of Supabase Auth's HTTP hooks (Standard Webhooks). */
import { Webhook } from "standardwebhooks";

/** As the standard asks: what is shorter can be guessed by whoever has seen one signed request. */
const MIN_SECRET_BYTES = 24;

/**
 * Verifies against each of the secrets, `v1,whsec_<base64>` joined by `|` while they are being changed. A request that is
 * not signed with any of them, or more than five minutes old, throws. Throws at once when one of the secrets is too short, or
 * is no base64: it would sign well enough for nobody to notice.
 */
export function webhookVerifier(secrets: string): (body: string, headers: Record<string, string>) => unknown {
  const webhooks = secrets
    .split("|")
    .map((secret) => secret.trim().replace(/^v1,/, ""))
    .filter(Boolean)
    .map((secret) => new Webhook(sufficient(secret)));
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

function sufficient(secret: string): string {
  const base64 = secret.replace(/^whsec_/, "");
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(base64);
  const bytes = Math.floor((base64.replace(/=+$/, "").length * 3) / 4);
  if (isBase64 && bytes >= MIN_SECRET_BYTES) return secret;
  const fault = isBase64 ? `has ${bytes} bytes` : "is not base64";
  throw new Error(
    `BEFORE_USER_CREATED_HOOK_SECRET ${fault}, and at least ${MIN_SECRET_BYTES} bytes in base64 are wanted. Make one, and give ` +
      'it to Auth and to the function: echo "v1,whsec_$(openssl rand -base64 32)"',
  );
}
