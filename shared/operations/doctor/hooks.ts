/** Auth's two hooks: whether they are there, and answer as Auth needs it. Whether Auth calls them, claims.ts sees of one. */
import { Webhook } from "standardwebhooks";
import { type Check, failure, pass, warning } from "./check.ts";
import { REST } from "./connections.ts";
import { type Inspect, MIGRATIONS } from "./postgres.ts";
import type { Subject } from "./subject.ts";

export const TOKEN_HOOK = "hooks: the token function's rights";

export function hookChecks(subject: Subject, inspect: Inspect): Check[] {
  return [
    {
      name: "hooks: before-user-created",
      needs: [REST],
      fix: "Deploy it: npm run supabase -- functions deploy before-user-created",
      run: () => askSignUpHook(subject),
    },
    {
      name: TOKEN_HOOK,
      needs: [MIGRATIONS],
      fix: "Migrate: npm run supabase -- db push",
      run: async () => {
        const { has_token_hook, may_call_token_hook } = await inspect();
        if (!has_token_hook)
          return failure("public.custom_access_token_hook is not there", "Migrate: npm run supabase -- db push");
        if (may_call_token_hook === false)
          return failure(
            "Auth may not call public.custom_access_token_hook, so nobody can sign in once it is enabled",
            "In the SQL editor: grant usage on schema public to supabase_auth_admin; grant execute on function public.custom_access_token_hook(jsonb) to supabase_auth_admin;",
          );
        return pass(
          may_call_token_hook === null
            ? "there is no role supabase_auth_admin that would need any"
            : "Auth may call it",
        );
      },
    },
  ];
}

/** Without an address, which would be counted as a sign-up. */
async function askSignUpHook({ config, fetch }: Subject) {
  const { BEFORE_USER_CREATED_HOOK_SECRET: secrets, SUPABASE_URL } = config;
  const url = `${SUPABASE_URL}/functions/v1/before-user-created`;
  const ask = async (headers: Record<string, string>, body: string) => {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
    return { status: answer.status, body: await answer.text() };
  };
  const id = crypto.randomUUID();
  const at = new Date();
  const body = JSON.stringify({
    metadata: { uuid: id, time: at.toISOString(), name: "before-user-created" },
    user: { id, aud: "authenticated", role: "", email: `switchyard-doctor-${id}@doctor.invalid`, app_metadata: {} },
  });
  const unsigned = await ask({}, body);
  if (unsigned.status === 404)
    return failure(
      "the edge function is not there: where the hook is enabled, nobody can sign up",
      "Deploy it: npm run supabase -- functions deploy before-user-created",
    );
  if (unsigned.status === 200)
    return failure(
      "it takes calls that nobody has signed",
      "Deploy this repository's function: npm run supabase -- functions deploy before-user-created",
    );
  if (unsigned.status !== 401)
    return failure(
      `it answers with status ${unsigned.status}: where the hook is enabled, nobody can sign up`,
      "Look at its log in the dashboard, Edge Functions. It needs verify_jwt = false (supabase/config.toml).",
    );
  if (!secrets)
    return warning(
      "it is there and refuses what is not signed; a signed call was not tried",
      "Set BEFORE_USER_CREATED_HOOK_SECRET here, to the secret that Auth and the function have.",
    );
  const signer = new Webhook((secrets.split("|")[0] ?? "").trim().replace(/^v1,/, ""));
  const headers = {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
    "webhook-signature": signer.sign(id, at, body),
  };
  const signed = await ask(headers, body);
  if (signed.status === 401)
    return failure(
      "it refuses the secret that is set here",
      "Give Auth's hook, the function (npm run supabase -- secrets set BEFORE_USER_CREATED_HOOK_SECRET=...) and this command one secret.",
    );
  const refusal =
    signed.status === 200 ? (JSON.parse(signed.body) as { error?: { message?: string } }).error : undefined;
  if (refusal) return failure(`it refuses sign-ups: ${refusal.message}`, "See: npm run switchyard -- databases");
  return signed.status === 200
    ? pass("answers a signed call, and refuses one that is not signed")
    : failure(
        `it answers a signed call with status ${signed.status}`,
        "Look at its log in the dashboard, Edge Functions.",
      );
}
