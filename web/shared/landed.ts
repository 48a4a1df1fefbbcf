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

// else it would be said again after a reload
if (refusal !== null) history.replaceState(null, "", location.pathname);
