/** A button that changes something: a viewer sees none. */
import type { ComponentChildren } from "preact";
import { mayChange } from "./role.ts";

interface ChangeButtonProps {
  readonly onClick: () => void;
  readonly disabled?: boolean;
  readonly children: ComponentChildren;
}

export function ChangeButton({ onClick, disabled = false, children }: ChangeButtonProps) {
  if (!mayChange()) return null;
  return (
    <button type="button" onClick={onClick} disabled={disabled}>
      {children}
    </button>
  );
}
