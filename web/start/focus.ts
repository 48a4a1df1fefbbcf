/**
 * Where the keyboard goes on when what had the focus is gone from the page.
 *
 * All of it happens with the change of the page, before it is shown (`useLayoutEffect`). After that (`useEffect`) a quick
 * hand has already pressed the next key, which then goes nowhere, or to another button than the one that was meant.
 */
import { useLayoutEffect, useRef } from "preact/hooks";

/** Gives the focus to that element, unless something else has it by now. */
export function takeLostFocus(element: HTMLElement | null): void {
  if (document.activeElement === document.body) element?.focus();
}

/** For the element that goes on with the focus when it comes in the place of the one that had it. */
export function useLostFocus<Kind extends HTMLElement>() {
  const ref = useRef<Kind>(null);
  useLayoutEffect(() => takeLostFocus(ref.current), []);
  return ref;
}
