/** `switchyard logs`: warnings and errors that the application has kept in MongoDB. */
import { openAppLogs } from "../../shared/operations/read-logs.ts";
import { type Command, JSON_OPTION, json, orRefuse, Refused, WrongUse } from "./command.ts";
import { connected } from "./connect.ts";

const LEVELS = ["warn", "error"] as const;
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const MAX_LIMIT = 10_000;

export const logs: Command = {
  name: "logs",
  usage: "[--level=warn|error] [--since=<30m, 2h, 7d or an instant>] [--request-id=<id>] [--limit=<n>] [--json]",
  about:
    "Shows the warnings and errors that were kept with LOG_TO_MONGODB=1, the oldest first; by default the last 100.",
  options: {
    level: { type: "string" },
    since: { type: "string" },
    "request-id": { type: "string" },
    limit: { type: "string" },
    ...JSON_OPTION,
  },
  positionals: 0,
  run({ values }, { env, out }) {
    const { level = "warn", "request-id": requestId } = values;
    if (level !== "warn" && level !== "error")
      throw new WrongUse(`--level is warn, which is both, or error, and not "${level}".`);
    const limit = Number(values.limit ?? 100);
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
      throw new WrongUse(`--limit is a whole number from 1 to ${MAX_LIMIT}.`);
    const since = values.since === undefined ? undefined : sinceOf(String(values.since), Date.now());
    const levels = LEVELS.slice(LEVELS.indexOf(level));
    return connected(env, async ({ config, deadlines }) => {
      const opened = openAppLogs({ config, deadlines, appName: "switchyard-cli" });
      if (!opened) throw new Refused("No MongoDB is configured here: set MONGODB_URI.");
      try {
        const query = { levels, since, limit, ...(requestId !== undefined && { requestId: String(requestId) }) };
        const lines = orRefuse(await opened.read(query));
        if (values.json) out(json(lines.map((line) => JSON.parse(line))));
        else if (lines.length === 0) out("Nothing of that kind is kept. (It is with LOG_TO_MONGODB=1.)");
        else for (const line of lines) out(inWords(line));
      } finally {
        await opened.close();
      }
    });
  },
};

/** An instant; or so long ago. */
function sinceOf(text: string, now: number): Date {
  const [, count, unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const found = count === undefined ? new Date(text) : new Date(now - Number(count) * (UNITS[unit] ?? 0));
  if (Number.isNaN(found.getTime())) throw new WrongUse(`--since is 30m, 2h, 7d or an instant, and not "${text}".`);
  return found;
}

function inWords(line: string): string {
  const { time, level, event, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const more = Object.keys(fields).length > 0 ? `  ${JSON.stringify(fields)}` : "";
  return `${time}  ${String(level).padEnd(5)}  ${event}${more}`;
}
