/** `switchyard alerts ...`: what is wrong with the system, and whether the receiver hears of it. */
import { randomUUID } from "node:crypto";
import { createLog } from "../../shared/log.ts";
import { type Alert, receiverIn } from "../../shared/operations/alerts.ts";
import { watchAlerts } from "../../shared/operations/watch-alerts.ts";
import { callSystem } from "../../shared/postgres/system-call.ts";
import { type Command, JSON_OPTION, json, orRefuse, Refused, table } from "./command.ts";
import { connected } from "./connect.ts";

const NO_RECEIVER = "ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET are not set here: nobody is told.";
const minute = (instant: string | null) => instant?.slice(0, 16).replace("T", " ") ?? "";

export const listAlerts: Command = {
  name: "alerts list",
  usage: "[--all] [--json]",
  about: "Says what is wrong with the system, as it was looked at last; --all: what has ended, too.",
  options: { ...JSON_OPTION, all: { type: "boolean" } },
  positionals: 0,
  run: ({ values }, { env, out }) =>
    connected(env, async ({ service }) => {
      const parameters = { p_ended: values.all === true };
      const alerts = orRefuse(await callSystem<Alert[]>(service, "switchyard_list_alerts", parameters));
      if (values.json) return out(json(alerts));
      if (alerts.length === 0) return out("Nothing is wrong, as far as it was looked at.");
      out(
        table(
          ["began", "ended", "told", "what", "", ""],
          alerts.map(({ began_at, ended_at, told_at, kind, subject, detail }) => [
            ...[minute(began_at), minute(ended_at), told_at ? "yes" : "no", kind, subject, detail],
          ]),
        ),
      );
    }),
};

export const checkAlerts: Command = {
  name: "alerts check",
  usage: "[--json]",
  about: "Looks for what is wrong and tells the receiver, as is done once a minute; fails when something is.",
  options: JSON_OPTION,
  positionals: 0,
  run: ({ values }, { env, out }) =>
    connected(env, async ({ config, service, registry, deadlines: { probeMs } }) => {
      const send = receiverIn(config);
      const log = createLog({ level: "silent" });
      const watched = orRefuse(await watchAlerts({ service, registry, send, log, probeMs }));
      const wrong = watched.found.filter(({ is_so }) => is_so);
      if (values.json) out(json(watched));
      else {
        if (wrong.length > 0)
          out(
            table(
              ["", "", ""],
              wrong.map(({ kind, subject, detail }) => [kind, subject, detail]),
            ),
          );
        out(send ? `${watched.told} notices were taken by the receiver.` : NO_RECEIVER);
        if (watched.refused) out(`One was not, and is sent again: ${watched.refused}`);
      }
      if (wrong.length > 0) throw new Refused(`${wrong.length} of ${watched.found.length} things are wrong.`);
    }),
};

export const testAlerts: Command = {
  name: "alerts test",
  usage: "",
  about: "Sends the receiver of alerts a message, of the type alert.test.",
  options: {},
  positionals: 0,
  run: (_given, { env, out }) =>
    connected(env, async ({ config }) => {
      const send = receiverIn(config);
      if (!send) throw new Refused(NO_RECEIVER);
      const detail = "Somebody tries whether this arrives.";
      const refused = await send(randomUUID(), {
        type: "alert.test",
        timestamp: new Date().toISOString(),
        data: { detail },
      });
      if (refused !== undefined) throw new Refused(refused);
      out("The receiver has taken it.");
    }),
};
