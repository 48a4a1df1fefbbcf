/** A user of the source as Supabase Auth is to have them. */
import { isEmail } from "../values/characters.ts";
import { convertField } from "./convert-record.ts";
import { shown, toDate } from "./convert-value.ts";
import type { Finding } from "./findings.ts";
import type { UserMapping } from "./mapping.ts";
import { isKeptHash } from "./password-hash.ts";
import { valueAt } from "./rules.ts";
import type { ImportSource, SourceDocument } from "./source.ts";
import { keyOf, uuidOf } from "./source-ids.ts";

export interface ImportedAccount {
  id: string;
  /** their id in the source */
  key: string;
  /** in lower case, as Auth keeps it */
  email: string;
  /** absent: they set a password by mail */
  passwordHash?: string;
  isConfirmed: boolean;
  metadata: Record<string, unknown>;
}

/** What `auth.users` has room for. */
const MAX_EMAIL = 255;
const UNKNOWN_HASH =
  "is no hash that Supabase Auth can check (bcrypt, or argon2i or argon2id of version 19): the user sets a new password";

/** Undefined, and a finding that is no note, for a user who cannot be taken in. */
export function convertAccount(
  mapping: UserMapping,
  document: SourceDocument,
  { decimalMark }: Pick<ImportSource, "decimalMark">,
  find: (finding: Finding) => void,
): ImportedAccount | undefined {
  const key = keyOf(valueAt(document, mapping.id));
  const found = (field: string, reason: string, value?: unknown, isNote = false) =>
    find({
      from: mapping.from,
      field,
      reason,
      id: key ?? "?",
      isNote,
      ...(value !== undefined && { value: shown(value) }),
    });
  if (key === undefined) {
    found(mapping.id, "is no id", valueAt(document, mapping.id));
    return undefined;
  }
  const written = valueAt(document, mapping.email);
  const email = typeof written === "string" ? written.trim().toLowerCase() : undefined;
  if (email === undefined || !isEmail(email)) {
    found(mapping.email, email === undefined ? "there is no e-mail address" : "is no e-mail address", written);
    return undefined;
  }
  if (email.length > MAX_EMAIL) {
    found(mapping.email, `has more than ${MAX_EMAIL} characters`, written);
    return undefined;
  }
  const hash = mapping.password_hash === undefined ? undefined : valueAt(document, mapping.password_hash);
  const isKept = typeof hash === "string" && isKeptHash(hash);
  // the hash itself is nobody's to read
  if (hash !== undefined && !isKept) found(mapping.password_hash ?? "", UNKNOWN_HASH, undefined, true);
  if (isUnclear(mapping.confirmed, document))
    found(String(mapping.confirmed), UNCLEAR, valueAt(document, String(mapping.confirmed)), true);
  const metadata: Record<string, unknown> = {};
  for (const [name, rule] of Object.entries(mapping.metadata)) {
    const value = convertField({ kind: "json" }, rule, document, { decimalMark });
    if (value.isErr()) found(value.error.field, value.error.reason, value.error.value, true);
    else if (value.value !== undefined && value.value !== null) metadata[name] = value.value;
  }
  return {
    ...{ id: uuidOf(mapping.from, key), key, email, metadata, isConfirmed: isProven(mapping.confirmed, document) },
    ...(isKept && { passwordHash: hash }),
  };
}

const UNCLEAR = "is neither true or false nor an instant: the address is taken for one that nobody has proven";
const isUnclear = (confirmed: boolean | string, document: SourceDocument): boolean =>
  typeof confirmed === "string" &&
  ![undefined, false, "false"].includes(valueAt(document, confirmed) as string) &&
  !isProven(confirmed, document);

/** Only what says so: a text that might mean anything proves nothing. */
function isProven(confirmed: boolean | string, document: SourceDocument): boolean {
  if (typeof confirmed === "boolean") return confirmed;
  const value = valueAt(document, confirmed);
  return value === true || value === "true" || toDate(value) !== undefined;
}
