/**
 * A user for one run of the doctor's, made as an administrator makes one and deleted whatever happens. Where the process is
 * killed in between, the name says whose it was: the next run deletes what is older than ten minutes.
 */
import type { SupabaseClient } from "@supabase/supabase-js";

export interface Throwaway {
  id: string;
  email: string;
  password: string;
}

export interface Throwaways {
  make(): Promise<Throwaway>;
  /** Deletes those that this run has made; how many. Throws when one stays, after all have been tried. */
  remove(): Promise<number>;
  /** Deletes those that are given; how many. */
  removeAll(ids: readonly string[]): Promise<number>;
}

export function createThrowaways(service: SupabaseClient): Throwaways {
  const made = new Map<string, Promise<Throwaway>>();
  const removeAll = async (ids: readonly string[]): Promise<number> => {
    let failed: unknown;
    for (const id of ids) {
      const { error } = await service.auth.admin.deleteUser(id);
      if (error && error.status !== 404) failed = error;
    }
    if (failed) throw failed;
    return ids.length;
  };
  const make = async (id: string): Promise<Throwaway> => {
    const email = `switchyard-doctor-${id}@doctor.invalid`;
    const password = `${crypto.randomUUID()}Aa1!`;
    const { error } = await service.auth.admin.createUser({ id, email, password, email_confirm: true });
    if (error) throw error;
    return { id, email, password };
  };
  return {
    make() {
      // known before it is there: one whose answer is lost is deleted, too
      const id = crypto.randomUUID();
      const user = make(id);
      made.set(id, user);
      return user;
    },
    async remove() {
      // one that is being made would come after its deletion
      await Promise.allSettled(made.values());
      const count = await removeAll([...made.keys()]);
      made.clear();
      return count;
    },
    removeAll,
  };
}
