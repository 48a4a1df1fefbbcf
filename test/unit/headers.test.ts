/** What pages may do and who may ask: the headers of pages and static files, and the development system's mail. */
import { readFile } from "node:fs/promises";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { gateway } from "../../scripts/dev/gateway.ts";
import { Mailbox } from "../../scripts/dev/mailbox.ts";
import { staticHeaders } from "../../scripts/dev/static-headers.ts";
import { memoryApi } from "./api-memory.ts";

/** A policy as its directives. */
const policy = (headers: Headers): Record<string, string> =>
  Object.fromEntries(
    (headers.get("content-security-policy") ?? "").split(";").map((directive) => {
      const [name = "", ...values] = directive.trim().split(" ");
      return [name, values.join(" ")];
    }),
  );

describe("pages", () => {
  const files = async (path: string) => {
    const app = new Hono();
    app.use("*", await staticHeaders());
    app.all("*", (c) => c.text("file"));
    return (await app.request(path)).headers;
  };

  test.each(["/", "/index.css", "/docs/start.js", "/apiary"])(
    "%s: nothing runs but this server's own",
    async (path) => {
      const headers = await files(path);
      expect(policy(headers)).toMatchObject({
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self' https://*.supabase.co",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
      });
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
    },
  );

  test("the API sets its own", async () => {
    expect((await files("/api/expenses")).get("content-security-policy")).toBeNull();
  });

  test("the first page keeps to its policy: no style and no script of its own text", async () => {
    const html = await readFile(new URL("../../web/index.html", import.meta.url), "utf8");
    expect(html).not.toMatch(/<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=/);
  });

  test("the reference sends a token nowhere but here, and keeps none", async () => {
    const { headers } = await memoryApi().app.request("/api/docs");
    expect(policy(headers)).toMatchObject({
      "default-src": "'none'",
      "script-src": "'self'",
      "connect-src": "'self'",
      "frame-ancestors": "'none'",
    });
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    const start = await readFile(new URL("../../public/docs/start.js", import.meta.url), "utf8");
    expect(start).toContain("persistAuthorization: false");
  });
});

describe("the development system's mail", () => {
  const mailbox = new Mailbox("http://site", "http://auth");
  const serve = gateway({
    lite: async () => new Response(),
    auth: new Hono(),
    functions: undefined,
    google: new Hono(),
    mailbox,
  });
  const read = async (host: string, headers: Record<string, string> = {}) =>
    serve(new Request("http://127.0.0.1:54321/mail?to=ann@example.com", { headers: { host, ...headers } }));

  test.each([
    ["a program", "127.0.0.1:54321", {}],
    ["a person who types the address", "localhost:54321", { "sec-fetch-site": "none" }],
    [
      "a person who follows a link of another page",
      "127.0.0.1:54321",
      { "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" },
    ],
    ["a page of its own", "localhost:54321", { "sec-fetch-site": "same-origin", origin: "http://localhost:54321" }],
  ])("answers %s", async (_, host, headers) => {
    await mailbox.send({ to: "ann@example.com", subject: "Your code", text: "123456" });
    const answer = await read(host, headers as Record<string, string>);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("123456");
    expect(answer.headers.has("access-control-allow-origin")).toBe(false);
  });

  test("is a page for a browser: links can be followed, and nothing of a mail's text is markup", async () => {
    const link = "http://site/auth/v1/verify?token=1&type=signup";
    await mailbox.send({ to: "ann@example.com", subject: "<b>Confirm</b>", text: `Follow ${link} <script>1</script>` });
    const answer = await read("127.0.0.1:54321", { accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8" });
    const page = await answer.text();
    expect(page).toContain('href="http://auth/auth/v1/verify?token=1&amp;type=signup"');
    expect(page).toContain("&lt;b&gt;Confirm&lt;/b&gt;");
    expect(page).not.toContain("<script");
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  test.each([
    ["another origin", "127.0.0.1:54321", { origin: "https://evil.example" }],
    ["another port", "127.0.0.1:54321", { origin: "http://127.0.0.1:3000", "sec-fetch-site": "same-site" }],
    ["another site, without a word of its origin", "127.0.0.1:54321", { "sec-fetch-site": "cross-site" }],
    [
      "another origin, in a frame",
      "127.0.0.1:54321",
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" },
    ],
    ["an opaque origin", "127.0.0.1:54321", { origin: "null" }],
    ["a name that was made to lead here", "evil.example:54321", {}],
    ["one that looks like this machine's", "127.0.0.1.evil.example", {}],
  ])("does not answer a page of %s", async (_, host, headers) => {
    await mailbox.send({ to: "ann@example.com", subject: "Your code", text: "123456" });
    const answer = await read(host, headers as Record<string, string>);
    expect(answer.status).toBe(403);
    expect(await answer.text()).not.toContain("123456");
    expect(answer.headers.has("access-control-allow-origin")).toBe(false);
  });
});
