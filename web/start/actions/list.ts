/**
 * The newest first, a page at a time: the cursor goes on after the
 * last one shown, whatever is filed meanwhile.
 */
import { answerOf } from "../../shared/api.ts";
import { api } from "../api.ts";

const newestFirst = { sort: "-created_at", limit: "10" };

export const listExpenses = (cursor?: string) =>
  answerOf(
    api.expenses.$get({
      query: { ...newestFirst, ...(cursor && { cursor }) },
    }),
  );
