/**
 * One name for what each home calls by an id of its own: its user, records whose id the API made, records whose id it made
 * of an Idempotency-Key. Names are UUIDs, too, and sort as the ids do, so that pages of ties hold the same records.
 */
import { idempotencyOf } from "../../api/_idempotency.ts";
import { idOf } from "./picks.ts";

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** First digits that neither the ids of histories have nor those that the API makes by the clock. */
const DIGITS = ["7", "a", "d"];
const TAKEN = new Set(Array.from({ length: 16 }, (_, slot) => idOf(slot)[0]));
for (const digit of DIGITS) if (TAKEN.has(digit)) throw new Error(`ids of histories begin with ${digit}, too`);

export class ApiNames {
  readonly #ids = new Map<string, string>();
  readonly #names = new Map<string, string>();
  readonly #keys = new Map<string, Promise<{ key: string; id: string }>>();
  readonly #userId: string;
  readonly #secret: string;
  #made = 0;

  /** `secret`: what the API makes ids of keys with */
  constructor(userId: string, owner: number, secret: string) {
    this.#userId = userId;
    this.#secret = secret;
    this.#pair(`ffffffff-ffff-4fff-8fff-fffffffffff${owner}`, userId);
  }

  /** A text with the names that a history knows, for the API. */
  toApi = (text: string): string => text.replace(UUID, (name) => this.#ids.get(name) ?? name);

  /** A text of the API's, with the names that a history knows. */
  fromApi = (text: string): string => text.replace(UUID, (id) => this.#names.get(id) ?? id);

  /** A record has been made under an id that nobody has given. By the clock: later ones sort behind. */
  made(id: string): void {
    if (this.#names.has(id)) return;
    this.#pair(`01000000-0000-7000-8000-${String(++this.#made).padStart(12, "0")}`, id);
  }

  /** The key of a slot in a collection, which makes an id with a first digit that nothing else has there. */
  async keyOf(collection: string, slot: number): Promise<string> {
    const at = slot % DIGITS.length;
    const where = `${collection} ${at}`;
    const found = this.#keys.get(where) ?? this.#find(collection, DIGITS[at] as string);
    this.#keys.set(where, found);
    const { key, id } = await found;
    const place = [...collection].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 2 ** 40, at);
    this.#pair(`${DIGITS[at]}0000000-0000-8000-8000-${place.toString(16).padStart(12, "0")}`, id);
    return key;
  }

  async #find(collection: string, digit: string): Promise<{ key: string; id: string }> {
    for (let tries = 0; ; tries++) {
      const made = await idempotencyOf(`key ${tries}`, this.#secret, this.#userId, `/api/${collection}`, {});
      if (made?.id.startsWith(digit)) return { key: `key ${tries}`, id: made.id };
    }
  }

  #pair(name: string, id: string): void {
    this.#ids.set(name, id);
    this.#names.set(id, name);
  }
}
