/**
 * The page behind the `#` of the address where somebody was before they went to Google: Auth's redirects keep no such part.
 * It is kept for this tab alone, and for one way there and back.
 */
import { cameFromAuth } from "./landed.ts";

const KEY = "switchyard-place";
/** A page of ours, and nothing that could lead elsewhere: it is only ever put behind the `#` of the address that is open. */
const PLACE = /^#\/[\w.~!*'()%+=&?/@:,-]{0,1000}$/;

/** Before the browser leaves for Google. */
export function keepPlace(): void {
  sessionStorage.setItem(KEY, location.pathname + location.hash);
}

/** Once it is known who has come back. The page hears of it as of any other change of the address. */
export function returnToPlace(): void {
  const [path, fragment] = (sessionStorage.getItem(KEY) ?? "").split(/(?=#)/);
  sessionStorage.removeItem(KEY);
  if (!cameFromAuth || path !== location.pathname || !fragment || !PLACE.test(fragment)) return;
  history.replaceState(null, "", fragment);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
