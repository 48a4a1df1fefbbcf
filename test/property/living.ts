/** The model of a history: which records are there, as far as both databases have said. */
import type { Id, Operation } from "./operations.ts";
import { idOf } from "./picks.ts";

export class Living {
  readonly #ids = new Map<string, string[]>();

  /** Takes in what a step has changed, by its answer. */
  follow(operation: Operation, answer: unknown): void {
    if (Object.hasOwn(answer as object, "error")) return;
    const { owner, collection } = operation;
    const ids = this.#of(owner, collection);
    if (operation.call === "create") {
      const { id } = answer as { id: string };
      if (!ids.includes(id)) ids.push(id);
    } else if (operation.call === "delete") {
      const gone = this.resolve(owner, collection, operation.id);
      if (ids.includes(gone)) ids.splice(ids.indexOf(gone), 1);
    }
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
