/** The frame of a page: the way to the others, and who is signed in. */
import type { ComponentChildren } from "preact";
import { signOut } from "../../shared/session.ts";
import { operator } from "./role.ts";
import { hrefOf } from "./route.ts";
import { TimeZone } from "./time.tsx";

interface ShellProps {
  readonly pages: readonly { name: string; title: string }[];
  readonly shown: string;
  readonly children: ComponentChildren;
}

export function Shell({ pages, shown, children }: ShellProps) {
  return (
    <div class="shell">
      {/* no link: the part behind the # is the page's address */}
      <button type="button" class="skip" onClick={() => document.getElementById("content")?.focus()}>
        Skip to the page
      </button>
      <header class="side">
        <a class="brand" href="#/">
          <Mark />
          Switchyard
        </a>
        <nav aria-label="Pages">
          {pages.map(({ name, title }) => (
            <a key={name} href={hrefOf(name)} aria-current={name === shown ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <div class="who">
          <span class="address" title={operator.value?.email ?? undefined}>
            {operator.value?.email}
          </span>
          <span class="soft role">{operator.value?.role === "viewer" ? "Viewer: sees, changes nothing" : "Admin"}</span>
          <button type="button" class="plain" onClick={() => void signOut()}>
            Sign out
          </button>
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        {children}
        <TimeZone />
      </main>
    </div>
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
