/**
 * The idempotency key of what a form sends: the same for the same content until the record is there, so that a second press,
 * after whatever answer, makes no second record. Other content is another record, which the API would refuse under that key.
 */
import { useRef } from "preact/hooks";

export function useKey() {
  const held = useRef<{ content: string; key: string } | null>(null);
  return {
    of(content: unknown): string {
      const text = JSON.stringify(content);
      if (held.current?.content !== text) held.current = { content: text, key: crypto.randomUUID() };
      return held.current.key;
    },
    /** It is there: the same content is now another record. */
    done(): void {
      held.current = null;
    },
  };
}
