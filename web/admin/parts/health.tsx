/** How a database fares, in a word. */
import { Pill } from "./pill.tsx";

export function Health({ connected, state }: { connected: boolean; state?: string | null | undefined }) {
  if (!connected) return <Pill tone="bad">Does not answer</Pill>;
  if (state === "storage_full") return <Pill tone="warn">Storage full</Pill>;
  if (state === "throttled") return <Pill tone="warn">Throttled</Pill>;
  return <Pill tone="good">Healthy</Pill>;
}
