/** How a page begins: its root is drawn, and who is signed in is looked up. */
import { type ComponentType, render } from "preact";
import { auth, session } from "./session.ts";

/** Draws `Root` into the page's own element. Where the API cannot be reached, nobody is signed in. */
export function mount(Root: ComponentType): void {
  const place = document.getElementById("page");
  if (place) render(<Root />, place);
  auth().catch(() => {
    session.value ??= null;
  });
}
