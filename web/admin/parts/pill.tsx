/** A state in a word. */
import type { ComponentChildren } from "preact";

export type Tone = "good" | "warn" | "bad" | "quiet";

export function Pill({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`pill ${tone}`}>{children}</span>;
}
