/**
 * Plays Google for lite's own Google flow, so that "sign in with Google" works without an account and without a
 * network: a page where one types the address to come in as, and the two answers that lite asks Google for.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash, randomUUID } from "node:crypto";
import { Hono } from "hono";
import { html } from "hono/html";

interface GoogleProfile {
  readonly id: string;
  readonly email: string;
  readonly name: string;
}

const KEPT_CODES = 100;
const current = new AsyncLocalStorage<GoogleProfile>();
const original = globalThis.fetch;
let users = 0;

// lite has Google's addresses built in and calls global fetch: the only place to answer in Google's stead. Calls that
// are not made for one of this file's profiles pass through untouched.
const answering: typeof fetch = async (input, init) => {
  const profile = current.getStore();
  const { hostname, pathname } = new URL(input instanceof Request ? input.url : String(input));
  if (profile && hostname === "oauth2.googleapis.com" && pathname === "/token")
    return Response.json({ access_token: `stand-in-${randomUUID()}`, token_type: "Bearer", expires_in: 3599 });
  if (profile && hostname === "www.googleapis.com" && pathname.startsWith("/userinfo/"))
    return Response.json({ ...profile, verified_email: true });
  return original(input, init);
};

export interface GoogleStandIn {
  /** The page at `/google` and what it leads to. */
  readonly app: Hono;
  /** Where lite's redirect to Google leads here. */
  redirect(location: string): string;
  /** Who a code stands for; once. */
  redeem(code: string | undefined): GoogleProfile | undefined;
  /** Runs lite's callback with Google's answers for `profile`. */
  as<T>(profile: GoogleProfile, work: () => Promise<T>): Promise<T>;
  stop(): void;
}

export function googleStandIn(callback: string): GoogleStandIn {
  const codes = new Map<string, GoogleProfile>();
  if (users++ === 0) globalThis.fetch = answering;

  const consent = (state: string, email: string, name: string) => {
    const code = randomUUID();
    const id = BigInt(`0x${createHash("sha256").update(email.toLowerCase()).digest("hex").slice(0, 16)}`).toString();
    codes.set(code, { id, email: email.toLowerCase(), name: name || email.replace(/@.*/, "") });
    for (const old of codes.keys()) {
      if (codes.size <= KEPT_CODES) break;
      codes.delete(old);
    }
    return `${callback}?${new URLSearchParams({ state, code })}`;
  };

  const app = new Hono()
    .get("/authorize", (c) => {
      const { state = "", login_hint: hint } = c.req.query();
      if (hint) return c.redirect(consent(state, hint, ""));
      return c.html(html`<!doctype html><meta charset="utf-8"><title>Google's stand-in</title>
<body style="font:16px system-ui;max-width:30em;margin:4em auto">
<h1>Not Google</h1><p>The development server plays Google here. Who do you want to come in as?</p>
<form action="consent"><input type="hidden" name="state" value="${state}">
<p><input name="email" type="email" required placeholder="you@example.com" autofocus>
<input name="name" placeholder="Name"> <button>Continue</button></p></form>`);
    })
    .get("/consent", (c) => {
      const { state = "", email = "", name = "" } = c.req.query();
      return email ? c.redirect(consent(state, email, name)) : c.text("An address is needed.", 400);
    });

  return {
    app,
    redirect: (location) => `${new URL(callback).origin}/google/authorize${new URL(location).search}`,
    redeem(code) {
      const profile = code ? codes.get(code) : undefined;
      if (code) codes.delete(code);
      return profile;
    },
    as: (profile, work) => current.run(profile, work),
    stop() {
      if (--users === 0) globalThis.fetch = original;
    },
  };
}
