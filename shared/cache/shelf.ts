/** Where entries, generations and markers are kept; what they mean stands in cache.ts. All methods may reject. */

/** As a reader finds a key: the entry with the generations it was made under, and those of now. */
export interface Look {
  /** of the entry's scope and of everybody's; null while a marker stands: go past the cache */
  readonly generation: string | null;
  readonly entry: { readonly generation: string; readonly text: string } | null;
  /** nobody else is making the entry, and this reader is to */
  readonly isMaker: boolean;
}

export interface Shelf {
  /** `maker`: an id, to make the entry if nobody does; undefined only looks. */
  look(scope: string, name: string, maker?: string): Promise<Look>;
  /** Puts it there, unless the generation is over or a marker stands. */
  fill(scope: string, name: string, generation: string, text: string, ttlMs: number): Promise<void>;
  /** Who was to make it has given up. */
  release(scope: string, name: string, generation: string, maker: string): Promise<void>;
  remove(scope: string, name: string): Promise<void>;
  /** A new generation and a marker for each scope, in one step; `id` is new for each write. */
  begin(scopes: readonly string[], id: string, markerMs: number): Promise<void>;
  /** Takes the markers away; where one was gone before, whoever filled meanwhile may have read before the write. */
  end(scopes: readonly string[], id: string): Promise<void>;
}
