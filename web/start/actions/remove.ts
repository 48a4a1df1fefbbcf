/** Unless somebody has changed it since it was read: 412. */
import { answerOf } from "../../shared/api.ts";
import { api } from "../api.ts";

export const removeExpense = (id: string, version: number) =>
  answerOf(
    api.expenses[":id"].$delete({
      param: { id },
      header: { "if-match": `"${version}"` },
    }),
  );
