/** A storage whose failures name the fix, whatever it is asked: `BackupFailed` where it is known. */
import { namingPlace } from "./failures.ts";
import type { BackupStorage } from "./storage.ts";

export function namingStorage(storage: BackupStorage): BackupStorage {
  const { place } = storage;
  async function* each<T>(read: () => AsyncIterable<T>): AsyncIterable<T> {
    const iterator = await namingPlace(place, async () => read()[Symbol.asyncIterator](), "read");
    try {
      for (;;) {
        const { done, value } = await namingPlace(place, () => iterator.next(), "read");
        if (done) return;
        yield value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return {
    place,
    put: (path, bytes) => namingPlace(place, () => storage.put(path, bytes)),
    get: (path) => each(() => storage.get(path)),
    ids: () => each(() => storage.ids()),
    list: (prefix) => each(() => storage.list(prefix)),
    delete: (path) => namingPlace(place, () => storage.delete(path)),
    clear: (id) => namingPlace(place, () => storage.clear(id)),
  };
}
