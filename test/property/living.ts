/** The model of a history: which records are there, as far as both databases have said. */
import type { Id } from "./operations.ts";
import { idOf } from "./picks.ts";

export class Living {
  readonly #ids = new Map<string, string[]>();

  add(owner: number, collection: string, id: string): void {
    const ids = this.#of(owner, collection);
    if (!ids.includes(id)) ids.push(id);
  }

  remove(owner: number, collection: string, id: string): void {
    const ids = this.#of(owner, collection);
    if (ids.includes(id)) ids.splice(ids.indexOf(id), 1);
  }

  /** The id that a step means. Where nothing is there, one that is not. */
  resolve(owner: number, collection: string, id: Id): string {
    if ("text" in id) return id.text;
    if ("slot" in id) return idOf(id.slot);
    const ids = this.#of(owner, collection);
    return ids[id.live % ids.length] ?? idOf(id.live);
  }

  #of(owner: number, collection: string): string[] {
    const name = `${owner}/${collection}`;
    const ids = this.#ids.get(name) ?? [];
    this.#ids.set(name, ids);
    return ids;
  }
}
