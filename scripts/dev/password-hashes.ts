/**
 * Passwords against hashes, as Supabase Auth checks them: lite asks bcryptjs alone, to which argon2 is added here. What Auth
 * takes for a hash in the first place, and what it answers to anything else.
 */
import { type Argon2Parameters, argon2, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import bcrypt from "bcryptjs";
import { isKeptHash, readArgon2 } from "../../shared/imports/password-hash.ts";
import { AuthRefusal } from "./answers.ts";

const derive = promisify(argon2);
const original = bcrypt.compare;

/** On the instance of bcryptjs that lite has, too; twice is as good as once. */
export function checkArgon2Too(): void {
  bcrypt.compare = (async (password: string, hash: string) => {
    const read = readArgon2(hash);
    if (!read) return original(password, hash);
    const { algorithm, memory, passes, parallelism, salt, hash: expected } = read;
    const parameters: Argon2Parameters = {
      ...{ message: password, nonce: salt, tagLength: expected.length },
      ...{ memory, passes, parallelism },
    };
    return timingSafeEqual(await derive(algorithm, parameters), expected);
  }) as typeof bcrypt.compare;
}

/** Throws Auth's answer to a hash that it does not know. */
export function refuseUnknownHash(hash: string): void {
  // in Auth it is no fault of the caller's
  if (!isKeptHash(hash) && !readArgon2(hash)) throw new AuthRefusal(500, "Error creating user", "unexpected_failure");
}
