/** Who was left out of a run, or stays with the account after it was taken back. */
import type { Journal, JournalUser } from "../../shared/imports/journal.ts";
import { objectIdOf } from "../../shared/imports/source-ids.ts";
import { orRefuse } from "../commands/command.ts";

const PAGE = 1_000;

/** `source_id`: where the id here tells it. */
export type LeftApart = Pick<JournalUser, "user_id" | "state" | "reason"> & { source_id: string | null };

/** All of a run's, by id. Throws what cannot be asked. */
export async function leftApart(journal: Pick<Journal, "users">, run: number): Promise<LeftApart[]> {
  const apart: LeftApart[] = [];
  for (let after: string | null = null; ; ) {
    const page: JournalUser[] = orRefuse(await journal.users(run, ["failed", "kept"], after, PAGE));
    for (const { user_id, state, reason } of page)
      apart.push({ user_id, source_id: objectIdOf(user_id)?.objectId ?? null, state, reason });
    if (page.length < PAGE) return apart;
    after = page.at(-1)?.user_id ?? null;
  }
}

/** `failed  64f…: transactions.amount of 65a…: has 3 decimals, and the scale is 2` */
export const apartInWords = ({ user_id, source_id, state, reason }: LeftApart): string =>
  `  ${state.padEnd(6)}  ${source_id ?? user_id}: ${reason ?? ""}`;
