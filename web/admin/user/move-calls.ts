/** The calls that begin and end the move of one user; what they resolve with is a sentence about what the API has done. */
import { type Answer, answerOf, api } from "../../shared/api.ts";
import type { Affected } from "../parts/ask.tsx";

type Does = "start" | "reverse" | "abort" | "clean";

/** How many would be affected, and why not. */
export async function rehearse(does: Does, id: string, to = ""): Promise<Answer<Affected>> {
  const query = { dry_run: "true" } as const;
  const users = [id];
  const routes = api.admin.moves;
  const reason = "asked first";
  const answer: Answer<unknown> =
    does === "start"
      ? await answerOf(routes.$post({ query, header: {}, json: { users, to, reason } }))
      : does === "reverse"
        ? await answerOf(routes.reverse.$post({ query, header: {}, json: { users, reason } }))
        : await answerOf(routes[does].$post({ query, header: {}, json: { users, reason } }));
  if (!answer.ok) return answer;
  // with `dry_run` it is no list of moves
  return { ...answer, value: answer.value as Affected };
}

export const startMove = async (id: string, to: string, reason: string): Promise<Answer<string>> =>
  begun(await answerOf(api.admin.moves.$post({ query: {}, header: {}, json: { users: [id], to, reason } })));

export const reverseMove = async (id: string, reason: string): Promise<Answer<string>> =>
  begun(await answerOf(api.admin.moves.reverse.$post({ query: {}, header: {}, json: { users: [id], reason } })));

export async function endMove(does: "abort" | "clean", id: string, reason: string): Promise<Answer<string>> {
  const answer = await answerOf(api.admin.moves[does].$post({ query: {}, header: {}, json: { users: [id], reason } }));
  if (!answer.ok) return answer;
  const { count } = answer.value as Affected;
  if (count === 0) return refusedBecause("There was nothing to end: look at the move as it is now.");
  const said = does === "abort" ? "The move is being given up." : "The old copy is being taken away.";
  return { ...answer, value: said };
}

function begun(answer: Answer<unknown>): Answer<string> {
  if (!answer.ok) return answer;
  const [one] = answer.value as { move?: number; refused?: string }[];
  if (one?.move === undefined) return refusedBecause(one?.refused ?? "The API began nothing.");
  return { ...answer, value: `Move ${one.move} has begun. The page shows how far it is.` };
}

const refusedBecause = (detail: string): Answer<string> => ({
  ok: false,
  problem: { status: 409, code: "refused", detail, retryAfter: null },
});
