/** What the signed-in user may do here: an admin changes things, a viewer looks. */
import { effect, signal } from "@preact/signals";
import type { InferResponseType } from "hono/client";
import { answerOf, api, type Problem } from "../../shared/api.ts";
import { session } from "../../shared/session.ts";

export type Operator = InferResponseType<typeof api.admin.me.$get, 200>;
/** undefined: not known yet */
export const operator = signal<Operator | undefined>(undefined);
/** why it is not known, or that they may do nothing here */
export const roleProblem = signal<Problem | undefined>(undefined);
export const mayChange = (): boolean => operator.value?.role === "admin";

/** Asks who the signed-in user is here. */
export async function askRole(): Promise<void> {
  const answer = await answerOf(api.admin.me.$get());
  operator.value = answer.ok ? answer.value : undefined;
  roleProblem.value = answer.ok ? undefined : answer.problem;
}

let known: string | undefined;
effect(() => {
  const user = session.value?.user.id;
  if (user === known) return;
  known = user;
  operator.value = undefined;
  roleProblem.value = undefined;
  if (user !== undefined) void askRole();
});
