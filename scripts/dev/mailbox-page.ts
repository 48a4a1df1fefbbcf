/** The mail that was caught, for people: newest first, with links that can be followed. */
import { html } from "hono/html";
import type { Mail } from "./mailbox.ts";

/** Nothing of a mail's text runs, and nothing is loaded. */
export const MAILBOX_HEADERS = {
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
} as const;

const LINK = /(https?:\/\/\S+)/;

export const mailboxPage = (mails: readonly Mail[]) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mailbox</title>
<style>
  :root { color-scheme: light dark; background: light-dark(#f6f7f9, #10151b); color: light-dark(#17202b, #e7ecf1); }
  a { color: light-dark(#1b5fae, #86b8f5); }
  body { font: 16px/1.55 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1.25rem; }
  article { border-top: 1px solid #8886; padding: 1rem 0; }
  h2 { font-size: 1rem; margin: 0; }
  p { margin: .35rem 0; overflow-wrap: anywhere; white-space: pre-line; }
</style>
</head>
<body>
<main>
<h1>Mailbox</h1>
<p>Mail that Auth would send is caught here; nothing leaves this machine. <a href="">Look again</a></p>
${mails.length === 0 ? html`<p>There is none yet.</p>` : mails.map(shown)}
</main>
</body>
</html>`;

const shown = ({ to, subject, text, at }: Mail) => html`<article>
<h2>${subject}</h2>
<p>To ${to}, <time datetime="${at}">${at.slice(11, 19)} UTC</time></p>
<p>${text
  .trim()
  .split(LINK)
  .map((part, index) => (index % 2 === 1 ? html`<a href="${part}">${part}</a>` : part))}</p>
</article>`;
