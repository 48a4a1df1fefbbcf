/** One thing that can be done here, with the code that does it beside it, or below it where there is no room. */
import type { ComponentChildren } from "preact";
import { Code } from "./code/code.tsx";
import type { SourceName } from "./code/sources.ts";

interface StepProps {
  readonly files: readonly SourceName[];
  readonly children: ComponentChildren;
}

export function Step({ files, children }: StepProps) {
  return (
    <div class="step">
      <section class="card">{children}</section>
      <Code files={files} />
    </div>
  );
}
