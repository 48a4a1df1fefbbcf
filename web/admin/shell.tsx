/** The frame of a page: the way to the others, who is signed in, and the title, which the keyboard comes to first. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { session, signOut } from "../shared/session.ts";
import { hrefOf } from "./route.ts";

interface ShellProps {
  readonly pages: readonly { name: string; title: string }[];
  readonly shown: string;
  readonly title: string;
  readonly children: ComponentChildren;
}

export function Shell({ pages, shown, title, children }: ShellProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${title} · Switchyard`;
    // whoever reads with their ears is told that the page is another; not of the first, which the browser tells of
    if (!isFirst.current) heading.current?.focus();
    isFirst.current = false;
  }, [title, shown]);
  return (
    <div class="shell">
      <header class="side">
        <a class="brand" href="#/">
          <Mark />
          Switchyard
        </a>
        <nav aria-label="Pages">
          {pages.map(({ name, title: said }) => (
            <a key={name} href={hrefOf(name)} aria-current={name === shown ? "page" : undefined}>
              {said}
            </a>
          ))}
        </nav>
        <div class="who">
          <span class="soft" title={session.value?.user.email}>
            {session.value?.user.email}
          </span>
          <button type="button" class="plain" onClick={() => void signOut()}>
            Sign out
          </button>
        </div>
      </header>
      <main>
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {children}
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
