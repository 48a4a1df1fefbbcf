/** The title of a page, which the keyboard and screen readers come to when the page is another. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

let isFirst = true;

interface TitleProps {
  readonly text: string;
  /** stands at the other end of its line */
  readonly beside?: ComponentChildren;
  /** which page of a list is shown: another is come to as another page is, unless the focus is somewhere by then */
  readonly part?: string | null;
}

export function Title({ text, beside, part = null }: TitleProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(part);
  useLayoutEffect(() => {
    document.title = `${text} · Switchyard`;
  }, [text]);
  // with the page itself: whoever is quick has gone on from here before the browser has painted
  useLayoutEffect(() => {
    // the browser tells of the first page itself
    if (!isFirst) heading.current?.focus();
    isFirst = false;
  }, []);
  useLayoutEffect(() => {
    if (shown.current !== part && document.activeElement === document.body) heading.current?.focus();
    shown.current = part;
  }, [part]);
  return (
    <div class="title">
      <h1 ref={heading} tabIndex={-1}>
        {text}
      </h1>
      {beside}
    </div>
  );
}
