/** What expenses are filed under: categories of one's own. */
import { answerOf } from "../../shared/api.ts";
import { api } from "../api.ts";

export const listCategories = () =>
  answerOf(
    api.categories.$get({
      query: { kind: "expense", sort: "name", limit: "200" },
    }),
  );

export const addCategory = (name: string, key: string) =>
  answerOf(
    api.categories.$post({
      json: { name, kind: "expense" },
      header: { "idempotency-key": key },
    }),
  );
