/** Where backups lie. Paths are relative, with slashes, and of `[A-Za-z0-9_.-]` alone. */
export interface BackupStorage {
  /** a folder or s3://bucket/prefix, without credentials, for people */
  readonly place: string;
  /** What is there afterwards is all of it, or what was there before; put twice, the later stands. */
  put(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** Throws `NotStored` with the first bytes that are asked for. */
  get(path: string): AsyncIterable<Uint8Array>;
  /** Of all backups of which anything is there, in order: also where it is only what somebody who died has left half written. */
  ids(): AsyncIterable<string>;
  /** Every path that begins with that, in order. */
  list(prefix: string): AsyncIterable<string>;
  /** Does nothing where nothing is. */
  delete(path: string): Promise<void>;
  /** Takes away all that is under this backup's id, also what somebody who died has left half written. */
  clear(id: string): Promise<void>;
}

export class NotStored extends Error {
  override readonly name = "NotStored";
  constructor(path: string) {
    super(`${path} is missing`);
  }
}

const isStep = (step: string): boolean => /^[A-Za-z0-9_.-]+$/.test(step) && !/^\.+$/.test(step);

/** Whether it leads nowhere else: a manifest may come from anybody. */
export const isPath = (path: string): boolean => path.split("/").every(isStep);

/** Whether a backup may be called so. What else lies there (lost+found of a disk, say) is none. */
export const isId = (name: string): boolean => isStep(name);

/** Throws where it leads elsewhere. */
export function checkedPath(path: string): string {
  if (!isPath(path)) throw new Error(`"${path}" is no path in a backup`);
  return path;
}

export async function readText(storage: BackupStorage, path: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of storage.get(path)) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

export async function readTextIfStored(storage: BackupStorage, path: string): Promise<string | null> {
  try {
    return await readText(storage, path);
  } catch (error) {
    if (error instanceof NotStored) return null;
    throw error;
  }
}
