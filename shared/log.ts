/**
 * Logs: one JSON object a line. Nothing personal and nothing secret belongs in them; as a second layer, values under
 * telling names are cut out, and so is whatever looks like an address, a token or a URL's password.
 */
type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

export interface LogOptions {
  level: LogLevel;
  write?: (line: string) => void;
  /** told of each line that is a warning or an error, as it was written; never throws */
  keep?: ((line: string) => void) | undefined;
  now?: () => number;
}

const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];
const SECRET_NAME = /(secret|password|token|authorization|apikey|api_key|cookie|email|jwt)/i;

export function createLog({ level, write = (line) => console.log(line), keep, now = Date.now }: LogOptions): Log {
  const at =
    (own: LogLevel) =>
    (event: string, fields: LogFields = {}) => {
      if (ORDER.indexOf(own) < ORDER.indexOf(level)) return;
      const line = JSON.stringify({ time: new Date(now()).toISOString(), level: own, event, ...fields }, redact);
      write(line);
      if (own === "warn" || own === "error") keep?.(line);
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function redact(name: string, value: unknown): unknown {
  if (name !== "" && SECRET_NAME.test(name)) return "[redacted]";
  if (value instanceof Error) return withoutSecrets(`${value.name}: ${value.message}`);
  return typeof value === "string" ? withoutSecrets(value) : value;
}

/** Of one text, in characters: what looks for secrets takes time for each, and for some texts for each pair of them. */
const MAX_TEXT = 8_000;

/** Cut between two words: of half a secret nobody could tell that it is one. */
function bounded(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  const start = text.slice(0, MAX_TEXT);
  return `${start.slice(0, Math.max(0, start.lastIndexOf(" "), start.lastIndexOf("\n")))}…`;
}

/** A text without addresses, JWTs, API keys and passwords in URLs: for messages of other people's code. */
function withoutSecrets(text: string): string {
  return (
    bounded(text)
      .replace(/:\/\/[^/\s:@]+:[^/\s@]+@/g, "://[redacted]@")
      .replace(/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "[token]")
      .replace(/\bsb_(secret|publishable)_[\w-]+/g, "[key]")
      .replace(/\bwhsec_[\w+/=-]+/g, "[secret]")
      // from the beginning of a run only: else each of its letters is tried as one
      .replace(/(?<![\w.+-])[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+/g, "[address]")
  );
}
