/**
 * The API, with the token of who is signed in. What a busy database
 * refuses is tried again for two seconds, and then told.
 */
import { createSwitchyardClient } from "../../client/index.ts";
import { accessToken } from "../shared/session.ts";

export const api = createSwitchyardClient({
  url: location.origin,
  getToken: accessToken,
  retry: { maxWaitMs: 2_000 },
});
