/** What may be wider than the page: it scrolls in its own place, by the keyboard, too. */
import type { ComponentChildren } from "preact";

interface ScrollProps {
  readonly name: string;
  /** whether it is a card of its own */
  readonly isCard?: boolean;
  readonly children: ComponentChildren;
}

export function Scroll({ name, isCard = false, children }: ScrollProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse scrolls with the arrow keys
    <section class={isCard ? "card scroll" : "scroll"} aria-label={name} tabIndex={0}>
      {children}
    </section>
  );
}
