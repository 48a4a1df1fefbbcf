/**
 * Who is at home in a database: their ids, sixteen bytes each, in order. A million users are 16 MB; a set of texts would be
 * more than a hundred, and a backup is to be made by a small machine.
 */
import type { UUID } from "mongodb";
import type { Line } from "./record-lines.ts";

const BYTES = 16;

export class Owners {
  readonly size: number;
  readonly #ids: Buffer;
  // records of one owner often follow each other
  #last: { id: Buffer; isIn: boolean } | undefined;

  private constructor(ids: Buffer, size: number) {
    this.#ids = ids;
    this.size = size;
  }

  /** Of texts in the order of their bytes, as Postgres orders uuids. */
  static async of(ids: AsyncIterable<string> | Iterable<string>): Promise<Owners> {
    let packed = Buffer.alloc(1_024 * BYTES);
    let size = 0;
    for await (const id of ids) {
      if ((size + 1) * BYTES > packed.length) packed = Buffer.concat([packed], packed.length * 2);
      packed.write(id.replaceAll("-", ""), size++ * BYTES, "hex");
    }
    return new Owners(packed, size);
  }

  has(id: Uint8Array): boolean {
    if (this.#last?.id.equals(id)) return this.#last.isIn;
    const isIn = this.#find(id);
    this.#last = { id: Buffer.from(id), isIn };
    return isIn;
  }

  *[Symbol.iterator](): Iterator<Buffer> {
    for (let at = 0; at < this.size; at++) yield this.#ids.subarray(at * BYTES, (at + 1) * BYTES);
  }

  #find(id: Uint8Array): boolean {
    let [from, to] = [0, this.size];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const order = this.#ids.compare(id, 0, BYTES, middle * BYTES, (middle + 1) * BYTES);
      if (order === 0) return true;
      if (order < 0) from = middle + 1;
      else to = middle;
    }
    return false;
  }
}

/** Those lines that are of these owners. */
export async function* linesOf(lines: AsyncIterable<Line>, owner: string, owners: Owners): AsyncIterable<Line> {
  for await (const line of lines) if (owners.has((line[owner] as UUID).buffer)) yield line;
}
