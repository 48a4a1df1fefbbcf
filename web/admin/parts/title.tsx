/** The title of a page, which the keyboard and screen readers come to when the page is another. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

let isFirst = true;

/** `beside` stands at the other end of its line. */
export function Title({ text, beside }: { text: string; beside?: ComponentChildren }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${text} · Switchyard`;
  }, [text]);
  useEffect(() => {
    // the browser tells of the first page itself
    if (!isFirst) heading.current?.focus();
    isFirst = false;
  }, []);
  return (
    <div class="title">
      <h1 ref={heading} tabIndex={-1}>
        {text}
      </h1>
      {beside}
    </div>
  );
}
