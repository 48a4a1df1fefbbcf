/** A number that one looks at first, with its name. */
import type { ComponentChildren } from "preact";

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly more?: ComponentChildren;
  readonly isBad?: boolean;
}

export function Figure({ name, value, more, isBad = false }: FigureProps) {
  return (
    <div class="card figure">
      <dt>{name}</dt>
      <dd>
        <span class={isBad ? "value bad" : "value"}>{value}</span>
        {more && <span class="more soft">{more}</span>}
      </dd>
    </div>
  );
}
