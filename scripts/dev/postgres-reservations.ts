/**
 * Reserved connections to a Postgres that may die. lite reserves one for each request, and postgres.js is not safe
 * there: what is sent on a reserved connection after it has closed (a rollback, for one) is written to a socket that is
 * null, in a callback that nobody can catch, and the process ends (seen; its issue 1208). A dead connection also goes
 * back to its pool. So each reservation is a client of its own with one connection, thrown away once that has closed.
 */
import postgres from "postgres";

type Reserved = Pick<postgres.ReservedSql, "unsafe" | "release">;

export interface Reservations {
  /** Waits while all are taken. */
  reserve(): Promise<Reserved>;
  end(): Promise<void>;
}

interface Slot {
  readonly client: postgres.Sql;
  isClosed: boolean;
}

/** As many as `max` at a time, with the settings of `like`. */
export function createReservations(like: postgres.Sql, max: number): Reservations {
  const slots = new Set<Slot>();
  const idle: Slot[] = [];
  const waiting: (() => void)[] = [];
  let taken = 0;

  const discard = (slot: Slot) => {
    slot.isClosed = true;
    slots.delete(slot);
    if (idle.includes(slot)) idle.splice(idle.indexOf(slot), 1);
  };
  const make = (): Slot => {
    const { shared } = like.options as unknown as { shared: object };
    // parsed settings are taken as they are, `shared` among them: the array types, and how often connecting has failed
    const settings = { ...like.options, max: 1, onclose: () => discard(slot), shared: { ...shared, retries: 0 } };
    const slot: Slot = {
      client: postgres(settings as unknown as postgres.Options<never>),
      isClosed: false,
    };
    slots.add(slot);
    return slot;
  };
  return {
    async reserve() {
      while (taken >= max) await new Promise<void>((resolve) => waiting.push(resolve));
      taken++;
      const slot = idle.pop() ?? make();
      return {
        unsafe: ((...query: Parameters<typeof slot.client.unsafe>) =>
          slot.isClosed ? Promise.reject(closed()) : slot.client.unsafe(...query)) as typeof slot.client.unsafe,
        release() {
          if (!slot.isClosed) idle.push(slot);
          taken--;
          waiting.shift()?.();
        },
      };
    },
    end: async () => void (await Promise.all([...slots].map(({ client }) => client.end({ timeout: 0 })))),
  };
}

const closed = () => Object.assign(new Error("The connection to Postgres has closed."), { code: "CONNECTION_CLOSED" });
