/** `switchyard purge`: has the edge function `purge` take away what deleted users left behind, as pg_cron does. */
import { type Command, Refused } from "./command.ts";
import { connected } from "./connect.ts";

const TIMEOUT_MS = 60_000;

export const purge: Command = {
  name: "purge",
  usage: "",
  about: "Purges the records of deleted users that are due, in both databases.",
  options: {},
  positionals: 0,
  run: (_given, { env, out }) =>
    connected(env, async ({ config }) => {
      const { SUPABASE_URL, SUPABASE_SECRET_KEY } = config;
      const response = await fetch(`${SUPABASE_URL}/functions/v1/purge`, {
        method: "POST",
        headers: { apikey: SUPABASE_SECRET_KEY },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      }).catch(() => undefined);
      if (!response) throw new Refused("Supabase does not answer.");
      const said = (await response.text()).trim();
      if (response.status === 404) throw new Refused("The edge function purge is not there: deploy it first.");
      if (!response.ok) throw new Refused(`The purge failed (status ${response.status}); it is tried again by itself.`);
      out(`Purged what was due.${said && said !== "{}" ? ` ${said}` : ""}`);
    }),
};
