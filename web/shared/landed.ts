/**
 * How somebody came here: by a link of a mail, or back from Google. Read before the client of Auth takes what is behind the
 * `#` of the address for itself.
 */
const hash = new URLSearchParams(location.hash.slice(1));
const query = new URLSearchParams(location.search);

/** They have forgotten their password, and the link has signed them in. */
export const cameToResetPassword = hash.get("type") === "recovery";

/** Why the link, or Google, did not sign them in; null: nothing of the kind. */
export const refusal = hash.get("error_description") ?? query.get("error_description");

/** Auth has sent them here, signed in or refused. */
export const cameFromAuth = hash.has("access_token") || refusal !== null;

// else it would be said again after a reload
if (refusal !== null) history.replaceState(null, "", location.pathname);

let emptied: string | null = null;

/**
 * Takes the tokens out of the address at once. The client of Auth does so by another entry of the browser's history, and the
 * one with the tokens would stay there, for whoever presses "back" on this machine.
 */
export function emptyAddress(): void {
  emptied = location.hash;
  history.replaceState(null, "", location.pathname + location.search);
  // the browser tells nobody of such a change
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Where Auth could not be asked about them they are put back: a reload tries again. */
export function refillAddress(): void {
  if (emptied !== null) history.replaceState(null, "", emptied);
}
