import { stateOf } from "../mongo/states.ts";

/** Why a database does not answer, in words for the operator: no addresses, no keys, no text of a driver. */
export function downReason(name: string, failure: unknown): string {
  if (failure === undefined || failure === null) return `${name} does not answer in time.`;
  const { code, message } = failure as { code?: unknown; message?: unknown };
  // in words of ours already, and with what to do
  if (code === "misconfigured" || code === "storage_full" || code === "throttled") return String(message);
  // Atlas' one code for everything
  if (Number(code) === 8000) return stateOf(8000, String(message))?.says ?? `${name} is over its space quota.`;
  const codes = namesIn(failure);
  const found = REASONS.find(([pattern]) => codes.some((code) => pattern.test(code)));
  return found ? `${name} ${found[1]}.` : `${name} does not answer.`;
}

const REASONS: readonly (readonly [RegExp, string])[] = [
  // before what a server says: nobody has been asked
  [/^UNREADABLE_FILE$/, "cannot be used: its URL names a file, such as a certificate, that cannot be read here"],
  [
    /^UNREADABLE_URL$/,
    "cannot be used: its URL cannot be read. Look at its options, and at its user and password, in which @ is written %40, : %3A, / %2F, # %23 and % %25",
  ],
  [/ECONNREFUSED/, "refuses connections: is it running, and is the address right"],
  [/ENOTFOUND|ENODATA|ESERVFAIL|EAI_AGAIN/, "cannot be found: its host name is unknown"],
  [/^(18|401|28000|28P01|AuthenticationFailed|PGRST30[0-3])$/, "refuses the key or password that is configured"],
  [/^(13|403|42501|Unauthorized)$/, "does not allow this with the key or user that is configured"],
  [/^3D000$/, "has no database of the name that its URL says"],
  [
    /^(59|CommandNotFound)$/,
    "does not know a command that is needed: is it a recent MongoDB, or one that answers like it",
  ],
  [/^PGRST202$/, "lacks a function: its migrations have not been applied"],
  [/CERT|SSL|TLS|^UNABLE_TO_/, "cannot be reached by TLS: its certificate is not accepted"],
  [/ECONNRESET|EPIPE|UND_ERR_SOCKET|MongoNetworkError$/, "closes the connection"],
  [/Timeout|TimedOut|ETIMEDOUT|57014|^50$|ServerSelection|PoolCleared|TopologyClosed/, "does not answer in time"],
];

/** Codes and names of an error and of those that caused it. Messages are used only where a client hides the cause. */
function namesIn(failure: unknown, depth = 0): string[] {
  if (typeof failure !== "object" || failure === null || depth > 5) return [];
  const { code, name, status, codeName, message, details, cause, error, reason } = failure as Record<string, unknown>;
  const known = [code, name, status, codeName].filter((value) => value !== undefined).map(String);
  const told = [message, details].flatMap((text) => String(text ?? "").match(/\bE[A-Z]{5,}\b|\bTimeoutError\b/g) ?? []);
  return [...known, ...told, ...[cause, error, reason].flatMap((inner) => namesIn(inner, depth + 1))];
}
