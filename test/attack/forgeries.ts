/** Authorization headers that must open nothing, by what is wrong with them. */
import { createHmac } from "node:crypto";
import { CompactEncrypt, exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import type { KeyServer } from "./key-server.ts";

const base64 = (value: unknown) =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const bytes = (text: string) => new TextEncoder().encode(text);

export interface Target {
  keys: KeyServer;
  /** the project's shared secret */
  secret: string;
  publishableKey: string;
  secretKey: string;
}

export const goodClaims = (keys: KeyServer, now = Math.floor(Date.now() / 1000)) => ({
  iss: `${keys.url}/auth/v1`,
  aud: "authenticated",
  sub: "11111111-1111-4111-8111-111111111111",
  role: "authenticated",
  iat: now,
  exp: now + 3600,
  app_metadata: { home: "mongodb", home_epoch: 1, role: "admin" },
});

/** A token signed with HMAC by hand: libraries refuse to take a public key for a secret. */
function hmac(header: object | string, claims: unknown, secret: string | Uint8Array): string {
  const signed = `${base64(header)}.${base64(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

export async function forgeries({ keys, secret, publishableKey, secretKey }: Target): Promise<Record<string, string>> {
  const { ec, rsa } = keys.pairs;
  const claims = goodClaims(keys);
  const now = Math.floor(Date.now() / 1000);
  const sign = (more: object, key: Parameters<SignJWT["sign"]>[0], header: { alg: string; [name: string]: unknown }) =>
    new SignJWT(JSON.parse(JSON.stringify({ ...claims, ...more }))).setProtectedHeader(header).sign(key);
  const es = (more: object, header = {}) => sign(more, ec.privateKey, { alg: "ES256", kid: "ec", ...header });
  const hs = (more: object) => sign(more, bytes(secret), { alg: "HS256" });
  const good = await es({});
  const [head = "", body = "", signature = ""] = good.split(".");
  const mine = await generateKeyPair("ES256", { extractable: true });
  const flipped = Buffer.from(signature, "base64url");
  flipped[10] = (flipped[10] ?? 0) ^ 1;

  const tokens: Record<string, string> = {
    "expired, public key": await es({ exp: now - 1 }),
    "expired, shared secret": await hs({ exp: now - 1 }),
    "without an end": await es({ exp: undefined }),
    "without a beginning": await es({ iat: undefined }),
    "whose beginning is a text": hmac({ alg: "HS256" }, { ...claims, iat: "0" }, secret),
    "that lives longer than it may": await hs({ exp: now + 7 * 86_400 }),
    "whose beginning is put off, so that it seems short": await es({ iat: now + 86_400, exp: now + 90_000 }),
    "whose end is a text": hmac({ alg: "HS256" }, { ...claims, exp: "2099" }, secret),
    "not yet valid, public key": await es({ nbf: now + 3_500 }),
    "not yet valid, shared secret": await hs({ nbf: now + 3_500 }),
    "of another issuer": await es({ iss: "https://evil.example/auth/v1" }),
    "of an issuer that begins like ours": await es({ iss: `${keys.url}/auth/v1/evil` }),
    "of another project, shared secret": await hs({ iss: "https://other.supabase.co/auth/v1" }),
    "without an issuer": await es({ iss: undefined }),
    "for another audience": await es({ aud: "anon" }),
    "for a list of other audiences": await es({ aud: ["anon", "authenticated2"] }),
    "without an audience": await hs({ aud: undefined }),
    "of the service": await es({ role: "service_role" }),
    "of the anonymous role": await hs({ role: "anon" }),
    "without a subject": await es({ sub: undefined }),
    "whose subject is no UUID": await es({ sub: "'; drop table expenses; --" }),
    "whose subject is a list": hmac({ alg: "HS256" }, { ...claims, sub: [claims.sub] }, secret),
    "whose claims are no object": hmac({ alg: "HS256" }, "[1]", secret),
    "whose claims are no JSON": hmac({ alg: "HS256" }, "{", secret),
    "of another key with our key's name": await sign({}, mine.privateKey, { alg: "ES256", kid: "ec" }),
    "of a key that brings itself along": await sign({}, mine.privateKey, {
      alg: "ES256",
      jwk: await exportJWK(mine.publicKey),
    }),
    "of a key at the attacker's address": await sign({}, mine.privateKey, {
      alg: "ES256",
      kid: "mine",
      jku: "http://127.0.0.1:9/jwks.json",
      x5u: "http://127.0.0.1:9/cert.pem",
    }),
    "of a key whose name is a path": hmac({ alg: "HS256", kid: "../../../../dev/null" }, claims, ""),
    "of another secret": hmac({ alg: "HS256" }, claims, "another secret of more than 32 characters"),
    "of no secret": hmac({ alg: "HS256" }, claims, ""),
    "of the publishable key": hmac({ alg: "HS256" }, claims, publishableKey),
    "of a longer HMAC": await sign({}, bytes(secret), { alg: "HS512" }),
    "for another curve": await sign({}, (await generateKeyPair("ES384")).privateKey, { alg: "ES384", kid: "ec" }),
    "of one kind of key under the other's name": await sign({}, rsa.privateKey, { alg: "RS256", kid: "ec" }),
    "signed with zeros": `${head}.${body}.${Buffer.alloc(64).toString("base64url")}`,
    "with one bit of the signature changed": `${head}.${body}.${flipped.toString("base64url")}`,
    "with other claims under the signature": `${head}.${base64({ ...claims, sub: crypto.randomUUID() })}.${signature}`,
    "unsigned, alg none": `${base64({ alg: "none" })}.${body}.`,
    "with a signature, alg none": `${base64({ alg: "none" })}.${body}.${signature}`,
    "unsigned, alg nOnE": `${base64({ alg: "nOnE" })}.${body}.`,
    "without an algorithm": `${base64({ typ: "JWT" })}.${body}.${signature}`,
    "with two algorithms": hmac('{"alg":"none","alg":"HS256"}', claims, "x".repeat(32)),
    "with a list of algorithms": hmac({ alg: ["HS256"] }, claims, secret),
    "with an unknown critical header": hmac({ alg: "HS256", crit: ["x"], x: 1 }, claims, secret),
    "whose claims are not encoded": hmac({ alg: "HS256", b64: false, crit: ["b64"] }, claims, secret),
    "without a signature": `${head}.${body}.`,
    "without claims": `${head}..${signature}`,
    "cut in the signature": good.slice(0, -20),
    "cut in the claims": `${head}.${body.slice(0, 40)}`,
    "cut in the header": head.slice(0, 10),
    "of four parts": `${good}.${signature}`,
    "that is encrypted": await new CompactEncrypt(bytes(JSON.stringify(claims)))
      .setProtectedHeader({ alg: "dir", enc: "A128CBC-HS256" })
      .encrypt(bytes(secret).slice(0, 32)),
    "whose header is nested deeply": `${base64("[".repeat(5_000))}.${body}.${signature}`,
    "that is only points": "..",
    "that is the publishable key": publishableKey,
    "that is the secret key": secretKey,
    "that is the shared secret": secret,
  };
  // the public half of a key pair, in every spelling, taken for a secret of HS256
  for (const [name, { publicKey }] of Object.entries({ ES256: ec, RS256: rsa })) {
    const pem = await exportSPKI(publicKey);
    const jwk = keys.published.find(({ kid }) => kid === (name === "ES256" ? "ec" : "rsa")) ?? {};
    const spellings = { PEM: pem, "PEM and a line": `${pem}\n`, JWK: JSON.stringify(jwk), x: String(jwk.x ?? jwk.n) };
    for (const [spelling, text] of Object.entries(spellings))
      for (const kid of [undefined, jwk.kid])
        tokens[`HS256 with the public ${name} key as ${spelling}${kid ? ", by its name" : ""}`] = hmac(
          { alg: "HS256", kid },
          claims,
          text,
        );
  }
  const headers = Object.fromEntries(Object.entries(tokens).map(([what, token]) => [what, `Bearer ${token}`]));
  return {
    ...headers,
    empty: "",
    "a scheme alone": "Bearer",
    "a scheme and a space": "Bearer ",
    "another scheme": `Basic ${good}`,
    "a user and a password": `Basic ${btoa("admin:admin")}`,
    "a token without a scheme": good,
    "two tokens": `Bearer ${good} ${good}`,
    "two headers in one": `Bearer ${good}, Bearer ${good}`,
    "quotes around the token": `Bearer "${good}"`,
    "a tab for the space": `Bearer\t${good}`,
  };
}
