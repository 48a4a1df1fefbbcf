/** Users for tests, made as the admin API makes them and given tokens like those of a real sign-in. */
import { createClient } from "@supabase/supabase-js";
import { SignJWT } from "jose";

export type Home = "supabase" | "mongodb";

export interface TestUser<H extends string = Home> {
  id: string;
  email: string;
  jwt: string;
  home: H;
}

/** What a user is made on: the servers of the run, or a Supabase that a test started for itself. */
export interface UserServer {
  url: string;
  secretKey: string;
  publishableKey: string;
  jwtSecret: string;
  jwtIssuer: string;
  /** of its Postgres, where the API speaks to that directly */
  directUrl?: string;
  /** where the test has it, users are made by SQL, whatever the choice of homes would be */
  sql?(text: string): Promise<unknown>;
}

export interface NewUser<H extends string = Home> {
  home: H;
  on: UserServer;
  /** the token comes from a real sign-in, not from the test */
  signIn?: boolean;
  /** what stands in `app_metadata` of the token beside the home */
  appMetadata?: Record<string, unknown>;
}

type Made<H extends string> = Omit<TestUser<H>, "jwt">;

const PASSWORD = "correct horse battery staple";
const TRIES = 300;
/** users that got the other home, for the next test that wants it */
const spare = new Map<string, Made<string>[]>();

/** A new user with that home. The admin API gives the least used one: a few tries give either. */
export async function newUser<H extends string = Home>(asked: NewUser<H>): Promise<TestUser<H>> {
  const { home, on, signIn = false, appMetadata = {} } = asked;
  const user = on.sql && !signIn ? await insert(on.sql, home) : await tryFor(home, on);
  return { ...user, jwt: signIn ? await signedIn(on, user.email) : await mintToken(on, user, { appMetadata }) };
}

async function tryFor<H extends string>(home: H, on: UserServer): Promise<Made<H>> {
  for (let tries = 0; tries < TRIES; tries++) {
    const user = spare.get(`${on.url} ${home}`)?.pop() ?? (await create(on));
    if (user.home === home) return { ...user, home };
    const key = `${on.url} ${user.home}`;
    spare.set(key, [...(spare.get(key) ?? []), user]);
  }
  throw new Error(`no user got the home ${home} in ${TRIES} sign-ups: does that database accept new users?`);
}

/** One transaction: the trigger that would choose a home at its end finds one. */
async function insert<H extends string>(sql: (text: string) => Promise<unknown>, home: H): Promise<Made<H>> {
  const id = crypto.randomUUID();
  const email = `t-${id}@switchyard.test`;
  await sql(`do $$ begin
    insert into auth.users (id, aud, role, email, email_confirmed_at, created_at, updated_at)
      values ('${id}', 'authenticated', 'authenticated', '${email}', now(), now(), now());
    perform switchyard.assign('${id}', '${home}');
  end $$`);
  return { id, email, home };
}

export interface TokenOptions {
  appMetadata?: Record<string, unknown>;
  /** seconds from now; below zero for a token that has expired */
  expiresInSeconds?: number;
  /** seconds since 1970; now unless given */
  issuedAt?: number;
  /** null: none */
  sessionId?: string | null;
}

/** A token with the claims of a real one. */
export async function mintToken(
  on: Pick<UserServer, "jwtSecret" | "jwtIssuer">,
  user: { id: string; email: string; home?: string },
  { appMetadata = {}, expiresInSeconds = 3_600, ...given }: TokenOptions = {},
): Promise<string> {
  const { issuedAt: now = Math.floor(Date.now() / 1_000), sessionId = crypto.randomUUID() } = given;
  const home = user.home ? { home: user.home, home_epoch: 1 } : {};
  return new SignJWT({
    email: user.email,
    phone: "",
    role: "authenticated",
    aal: "aal1",
    amr: [{ method: "password", timestamp: now }],
    ...(sessionId !== null && { session_id: sessionId }),
    is_anonymous: false,
    app_metadata: { provider: "email", providers: ["email"], ...home, email_confirmed: true, ...appMetadata },
    user_metadata: {},
  })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(user.id)
    .setIssuer(on.jwtIssuer)
    .setAudience("authenticated")
    .setIssuedAt(now)
    .setExpirationTime(now + expiresInSeconds)
    .sign(new TextEncoder().encode(on.jwtSecret));
}

const quiet = { auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false } };

async function create(on: UserServer): Promise<Made<string>> {
  const service = createClient(on.url, on.secretKey, quiet);
  const email = `t-${crypto.randomUUID()}@switchyard.test`;
  const { data, error } = await service.auth.admin.createUser({ email, password: PASSWORD, email_confirm: true });
  if (error) throw new Error(`the admin API made no user: ${error.message}`);
  const { id } = data.user;
  const found = await service.from("user_database_assignments").select("database_provider").eq("user_id", id).single();
  if (found.error) throw new Error(`the new user has no home: ${found.error.message}`);
  return { id, email, home: found.data.database_provider as string };
}

async function signedIn(on: UserServer, email: string): Promise<string> {
  const anyone = createClient(on.url, on.publishableKey, quiet);
  const { data, error } = await anyone.auth.signInWithPassword({ email, password: PASSWORD });
  if (error) throw new Error(`the new user cannot sign in: ${error.message}`);
  return data.session.access_token;
}
