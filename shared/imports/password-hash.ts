/**
 * Which hashes of passwords Supabase Auth takes, and can check a password against: bcrypt's, and those of argon2 within bounds.
 * (github.com/supabase/auth, internal/crypto/password.go. It takes Firebase's scrypt, too, which no application on MongoDB has.)
 */

export interface Argon2Hash {
  algorithm: "argon2i" | "argon2id";
  /** KiB */
  memory: number;
  passes: number;
  parallelism: number;
  salt: Buffer;
  hash: Buffer;
}

// one that has a key id or data is of no password alone, and argon2d is none of Auth's; v=19 is the only version that it has
const ARGON2 = /^\$(argon2id?)\$v=19\$m=(\d{1,10}),t=(\d{1,10}),p=(\d{1,10})\$([^$]+)\$([^$]+)$/;
const [MAX_MEMORY_KIB, MAX_PASSES, MAX_PARALLELISM] = [1_048_576, 20, 16];
/** Cost 4 to 31. */
const BCRYPT = /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;

/** In the encoded form of argon2's own libraries. Undefined for what Auth refuses. */
export function readArgon2(text: string): Argon2Hash | undefined {
  const [, algorithm, m, t, p, saltText = "", hashText = ""] = ARGON2.exec(text) ?? [];
  const [memory, passes, parallelism] = [Number(m), Number(t), Number(p)];
  const [salt, hash] = [unpadded(saltText), unpadded(hashText)];
  if (algorithm === undefined || !salt || !hash) return undefined;
  if (memory > MAX_MEMORY_KIB || passes > MAX_PASSES || parallelism > MAX_PARALLELISM) return undefined;
  return { algorithm: algorithm as Argon2Hash["algorithm"], memory, passes, parallelism, salt, hash };
}

/** base64 without `=`, as argon2's encoded form has it; undefined for anything else, and for nothing. */
const unpadded = (text: string): Buffer | undefined =>
  /^[A-Za-z0-9+/]{2,}$/.test(text) && text.length % 4 !== 1 ? Buffer.from(text, "base64") : undefined;

/** What `auth.users` has room for. */
const MAX_CHARACTERS = 255;

/** Whether somebody with that hash can sign in with their old password. */
export function isKeptHash(text: string): boolean {
  if (text.length > MAX_CHARACTERS) return false;
  if (BCRYPT.test(text)) return true;
  const argon2 = readArgon2(text);
  // Auth takes a hash of no passes or no lanes, and fails at each sign-in
  return argon2 !== undefined && argon2.passes > 0 && argon2.parallelism > 0;
}
