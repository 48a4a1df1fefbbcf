/**
 * Calls the Auth hook "before user created" as Supabase Auth does: signed (Standard Webhooks), 5 s for everything, up
 * to three tries where the answer asks for them; and turns its answers into what a client of Auth would see.
 */
import { createHmac, randomUUID } from "node:crypto";
import { AuthRefusal } from "./answers.ts";

/** What Supabase Auth gives a hook. */
const TIMEOUT_SECONDS = 5;
const MAX_TRIES = 3;
const MAX_BYTES = 200_000;

export interface NewUser {
  readonly email: string;
  readonly provider: string;
  readonly userMetadata: Readonly<Record<string, unknown>>;
}

export interface BeforeUserCreated {
  /** The URL of the hook; nothing is called when absent. */
  readonly url: string | undefined;
  /** `v1,whsec_<base64>`, several joined by `|` while they are being changed. */
  readonly secret: string;
  /** How many times slower than an ordinary machine this one is: the hook gets so many times Auth's 5 s. */
  readonly slowness?: number | undefined;
}

/** Resolves when the user may be created; throws an `AuthRefusal` when not. */
export async function askBeforeUserCreated(hook: BeforeUserCreated, user: NewUser, ip: string): Promise<void> {
  if (!hook.url) return;
  const body = JSON.stringify(payload(user, ip));
  const seconds = TIMEOUT_SECONDS * (hook.slowness ?? 1);
  const deadline = AbortSignal.timeout(Math.ceil(seconds * 1000));
  let unreachable = false;
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    let response: Response;
    let text: string;
    try {
      response = await fetch(hook.url, { method: "POST", headers: sign(hook.secret, body), body, signal: deadline });
      text = await response.text();
    } catch {
      if (deadline.aborted) break;
      unreachable = true;
      continue;
    }
    if ((response.status === 503 || response.status === 429) && response.headers.has("retry-after")) {
      if (attempt < MAX_TRIES) continue;
    }
    return judge(response, text);
  }
  if (unreachable && !deadline.aborted)
    throw new AuthRefusal(422, "Failed to reach hook after maximum retries", "hook_timeout_after_retry");
  throw new AuthRefusal(
    422,
    `Failed to reach hook within maximum time of ${seconds.toFixed(6)} seconds`,
    "hook_timeout",
  );
}

function judge(response: Response, text: string): void {
  switch (response.status) {
    case 200:
    case 202:
    case 204: {
      if (text === "" && response.status !== 200) return;
      const type = response.headers.get("content-type") ?? "";
      if (type.split(";")[0]?.trim().toLowerCase() !== "application/json")
        throw new AuthRefusal(
          400,
          `Invalid JSON response. Received content-type: ${type}`,
          "hook_payload_invalid_content_type",
        );
      if (text.length > MAX_BYTES)
        throw new AuthRefusal(
          422,
          `Payload size exceeded size limit of ${MAX_BYTES} bytes`,
          "hook_payload_over_size_limit",
        );
      const error = parse(text)?.error;
      if (!isObject(error) || typeof error.message !== "string" || error.message === "") return;
      const status = error.http_code;
      throw new AuthRefusal(typeof status === "number" && status >= 400 ? status : 500, error.message);
    }
    case 429:
    case 503:
      throw new AuthRefusal(500, "Service currently unavailable due to hook", "unexpected_failure");
    case 400:
      throw new AuthRefusal(500, "Invalid payload sent to hook", "unexpected_failure");
    case 401:
      throw new AuthRefusal(500, "Hook requires authorization token", "unexpected_failure");
    default:
      throw new AuthRefusal(500, `Unexpected status code returned from hook: ${response.status}`, "unexpected_failure");
  }
}

function payload(user: NewUser, ip: string) {
  const now = new Date().toISOString();
  const providers = { provider: user.provider, providers: [user.provider] };
  return {
    metadata: { uuid: randomUUID(), time: now, name: "before-user-created", ip_address: ip },
    user: {
      id: randomUUID(), // a throw-away: the user does not exist yet
      aud: "authenticated",
      role: "authenticated",
      email: user.email,
      phone: "",
      app_metadata: providers,
      user_metadata: user.userMetadata,
      identities: [],
      created_at: "0001-01-01T00:00:00Z",
      updated_at: "0001-01-01T00:00:00Z",
      is_anonymous: false,
    },
  };
}

// Two secrets give two signatures, joined as Supabase Auth joins them; each try has an id of its own.
function sign(secrets: string, body: string): Record<string, string> {
  const id = randomUUID();
  const timestamp = Math.floor(Date.now() / 1000);
  const signatures = secrets
    .split("|")
    .map((secret) => Buffer.from(secret.replace(/^v1,whsec_/, ""), "base64"))
    .map((key) => `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`);
  return {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signatures.join(", "),
  };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text || "{}");
    return isObject(value) ? value : undefined;
  } catch {
    throw new AuthRefusal(500, "Error unmarshaling JSON output.", "unexpected_failure");
  }
}
