/**
 * What had the focus may go from the page: a button whose change is made, a row that somebody else has settled, a form that is
 * closed. Whoever uses the keyboard then goes on where it stood, and not from the top of the page.
 */
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

/**
 * The ref of an element. When what had the focus in it is gone, or cannot have it any more, the first in it that fits
 * `instead` gets it, in the same moment as the page changes; never when the focus is anywhere else by then.
 */
export function useKeptFocus<T extends HTMLElement>(instead = "[tabindex='-1']"): RefObject<T | null> {
  const area = useRef<T>(null);
  const last = useRef<HTMLElement | null>(null);
  useEffect(() => {
    const came = ({ target }: FocusEvent) => {
      if (!(target instanceof HTMLElement)) return;
      if (area.current?.contains(target)) last.current = target;
      // from a dialog one comes back to where one was
      else if (!target.closest("dialog")) last.current = null;
    };
    const went = ({ target, relatedTarget }: FocusEvent) => {
      if (relatedTarget) return;
      // a click beside everything: nobody stands here any more. What is taken from the page is gone by then
      queueMicrotask(() => {
        if (target === last.current && last.current && canHaveFocus(last.current)) last.current = null;
      });
    };
    document.addEventListener("focusin", came);
    document.addEventListener("focusout", went);
    return () => {
      document.removeEventListener("focusin", came);
      document.removeEventListener("focusout", went);
    };
  }, []);
  // after every change of the page, not of some values alone
  useLayoutEffect(() => {
    if (!last.current || canHaveFocus(last.current) || isElsewhere(last.current)) return;
    last.current = null;
    area.current?.querySelector<HTMLElement>(instead)?.focus();
  });
  return area;
}

const canHaveFocus = (element: HTMLElement): boolean => element.isConnected && !element.matches(":disabled");

/** Something else has the focus; what was disabled while it had it may still be called the active one. */
const isElsewhere = (last: HTMLElement): boolean =>
  document.activeElement !== document.body && document.activeElement !== last;
