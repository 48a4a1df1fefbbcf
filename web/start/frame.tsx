/** What surrounds everything: the name, the way to the rest, and who is signed in. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { project } from "../shared/project.ts";
import { saidByAuth } from "../shared/session.ts";
import { signOut } from "./actions/sign-out.ts";

export function Frame({ email, children }: { email?: string | undefined; children: ComponentChildren }) {
  const [said, setSaid] = useState("");
  const { mailboxUrl } = project.value;
  const leave = () => signOut().catch((error) => setSaid(saidByAuth(error)));
  return (
    <>
      <header class="top">
        <a class="brand" href="/">
          <Mark />
          Switchyard
        </a>
        <nav aria-label="More">
          <a href="/api/docs">API</a>
          <a href="/admin/">Admin</a>
          <a href="/readme.txt">README</a>
          {mailboxUrl && (
            <a href={mailboxUrl} target="_blank" rel="noopener">
              Mailbox
            </a>
          )}
        </nav>
        {email !== undefined && (
          <div class="who">
            <span class="soft">{email}</span>
            <button type="button" onClick={leave}>
              Sign out
            </button>
          </div>
        )}
      </header>
      <main class="page">
        <p role="alert" class={said ? "notice bad" : "seen-by-readers"}>
          {said}
        </p>
        {children}
      </main>
    </>
  );
}

/** Two tracks and the way from one to the other. */
function Mark() {
  return (
    <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <path d="M3 7h18M3 17h18M7 17c5 0 5-10 10-10" fill="none" stroke="currentColor" stroke-width="2" />
    </svg>
  );
}
