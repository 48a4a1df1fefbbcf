/** The statements of the admin users API. Each runs inside the caller's transaction. */
import { AuthRefusal } from "./answers.ts";
import type { Query } from "./database.ts";
import { refuseUnknownHash } from "./password-hashes.ts";

/** A user as Supabase Auth shows them; `u` is auth.users. */
export const USER = `jsonb_strip_nulls(jsonb_build_object(
  'id', u.id, 'aud', u.aud, 'role', u.role, 'email', coalesce(u.email, ''), 'phone', coalesce(u.phone, ''),
  'email_confirmed_at', u.email_confirmed_at, 'phone_confirmed_at', u.phone_confirmed_at,
  'last_sign_in_at', u.last_sign_in_at, 'banned_until', u.banned_until, 'deleted_at', u.deleted_at,
  'app_metadata', u.raw_app_meta_data, 'user_metadata', u.raw_user_meta_data,
  'identities', (select coalesce(jsonb_agg(jsonb_build_object(
      'identity_id', i.id, 'id', i.provider_id, 'user_id', i.user_id, 'identity_data', i.identity_data,
      'provider', i.provider, 'last_sign_in_at', i.last_sign_in_at,
      'created_at', i.created_at, 'updated_at', i.updated_at)), '[]')
    from auth.identities i where i.user_id = u.id),
  'created_at', u.created_at, 'updated_at', u.updated_at, 'is_anonymous', u.is_anonymous))`;

/** The user, or Auth's 404. */
export async function readUser(query: Query, id: string): Promise<Record<string, unknown>> {
  const [row] = await query<{ user: Record<string, unknown> }>(
    `select ${USER} as user from auth.users u where u.id = $1::uuid`,
    [id],
  );
  if (!row) throw new AuthRefusal(404, "User not found", "user_not_found");
  return row.user;
}

/** What create and update have in common. Metadata is merged; a null takes a name away. */
export async function changesOf(query: Query, id: string, body: Record<string, unknown>, cost: number): Promise<void> {
  const set = (assignment: string, ...values: unknown[]) =>
    query(`update auth.users set ${assignment}, updated_at = now() where id = $1::uuid`, [id, ...values]);
  for (const [name, column] of [
    ["app_metadata", "raw_app_meta_data"],
    ["user_metadata", "raw_user_meta_data"],
  ] as const)
    if (typeof body[name] === "object" && body[name] !== null)
      await set(
        `${column} = jsonb_strip_nulls(coalesce(${column}, '{}') || $2::text::jsonb)`,
        JSON.stringify(body[name]),
      );
  if (typeof body.password === "string" && body.password !== "") {
    if (body.password.length < 6)
      throw new AuthRefusal(422, "Password should be at least 6 characters.", "weak_password");
    await set(
      "encrypted_password = extensions.crypt($2::text, extensions.gen_salt('bf', $3::int))",
      body.password,
      cost,
    );
  }
  if (body.email_confirm === true) await set("email_confirmed_at = coalesce(email_confirmed_at, now())");
  if (body.phone_confirm === true) await set("phone_confirmed_at = coalesce(phone_confirmed_at, now())");
  if (typeof body.role === "string") await set("role = $2::text", body.role);
  if (typeof body.phone === "string") await set("phone = nullif($2::text, '')", body.phone);
  if (body.ban_duration === "none") await set("banned_until = null");
  else if (typeof body.ban_duration === "string")
    await set("banned_until = now() + $2::text::interval", intervalOf(body.ban_duration));
}

/** Only a user who is made may come with a hash. */
export async function setHash(query: Query, id: string, { password, password_hash: hash }: Record<string, unknown>) {
  if (typeof hash !== "string" || hash === "") return;
  if (password)
    throw new AuthRefusal(400, "Only a password or a password hash should be provided", "validation_failed");
  refuseUnknownHash(hash);
  await query("update auth.users set encrypted_password = $2::text where id = $1::uuid", [id, hash]);
}

/** Empties what says who the user was, and keeps the row. Twice is as good as once. */
export async function softDelete(query: Query, id: string): Promise<void> {
  await endSessions(query, id);
  await query(
    `update auth.users set deleted_at = now(), updated_at = now(), encrypted_password = '',
       email = encode(sha256(convert_to(coalesce(email, '') || id::text, 'UTF8')), 'hex'), phone = null,
       raw_app_meta_data = '{}', raw_user_meta_data = '{}', confirmation_token = null, recovery_token = null,
       email_change = null, email_change_token_new = null, email_change_token_current = null
     where id = $1::uuid`,
    [id],
  );
  await query(
    `update auth.identities set identity_data = '{}', updated_at = now(),
       provider_id = encode(sha256(convert_to(provider_id || id::text, 'UTF8')), 'hex')
     where user_id = $1::uuid`,
    [id],
  );
}

/** Takes the user and everything of theirs in `auth` away. */
export async function hardDelete(query: Query, id: string): Promise<void> {
  await endSessions(query, id);
  await query("delete from auth.identities where user_id = $1::uuid", [id]);
  await query("delete from auth.users where id = $1::uuid", [id]);
}

async function endSessions(query: Query, id: string): Promise<void> {
  await query("delete from auth.refresh_tokens where user_id::text = $1::text", [id]);
  await query("delete from auth.sessions where user_id = $1::uuid", [id]);
}

/** Go writes durations as 24h30m. */
function intervalOf(duration: string): string {
  if (!/^(\d+(\.\d+)?(h|m|s|ms))+$/.test(duration))
    throw new AuthRefusal(400, `invalid format for ban duration: ${duration}`, "validation_failed");
  return duration.replace(/(\d+(?:\.\d+)?)(ms|h|m|s)/g, (_, n, unit) => `${n} ${unit === "m" ? "min" : unit} `);
}
