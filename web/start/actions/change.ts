/**
 * Changes an expense, and loses nobody's change: the version that
 * it was read at has to be the present one.
 */
import { answerOf } from "../../shared/api.ts";
import { api } from "../api.ts";
import type { NewExpense } from "./add.ts";

/** 412: somebody was first. What it is now says `readExpense`. */
export const changeExpense = ({ id, version }: { id: string; version: number }, changes: Partial<NewExpense>) =>
  answerOf(
    api.expenses[":id"].$patch({
      param: { id },
      json: changes,
      header: { "if-match": `"${version}"` },
    }),
  );

export const readExpense = (id: string) =>
  answerOf(
    api.expenses[":id"].$get({
      param: { id },
      header: {},
    }),
  );
