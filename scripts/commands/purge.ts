/** `switchyard purge`: what pg_cron does, now. */
import { requestPurge } from "../../shared/operations/request-purge.ts";
import { type Command, orRefuse } from "./command.ts";
import { connected } from "./connect.ts";

export const purge: Command = {
  name: "purge",
  usage: "",
  about: "Purges the records of deleted users that are due, in every database.",
  options: {},
  positionals: 0,
  run: (_given, { env, out }) =>
    connected(env, async ({ config }) => {
      const { purged, failed } = orRefuse(await requestPurge(config));
      out(`Purged what was due: ${purged} done, ${failed} failed${failed > 0 ? ", which are tried again" : ""}.`);
    }),
};
