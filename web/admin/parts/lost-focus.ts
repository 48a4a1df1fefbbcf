/** After a change what had the focus may be gone from the page: whoever uses the keyboard goes on where it stood. */

/** Gives the focus to that element, if nothing has it once the page shows what has been loaded. */
export async function findFocusAgain(element: HTMLElement | null, loaded: Promise<unknown>): Promise<void> {
  await loaded;
  // what was loaded is drawn by then
  requestAnimationFrame(() => {
    if (document.activeElement === document.body) element?.focus();
  });
}
