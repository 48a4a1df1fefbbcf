/** What Postgres really does for a read over REST, by a function, or without: the plans of the statements, and what they read. */
import postgres from "postgres";
import { expenses } from "../../shared/collections/expenses.ts";
import { orderOf } from "../../shared/contract/query.ts";
import { type Sql, textOf } from "../../shared/postgres/direct/sql.ts";
import { countRows, getRow, listRows } from "../../shared/postgres/direct/statements.ts";

export interface Scan {
  /** "Index Scan", "Seq Scan", ... */
  node: string;
  index: string | undefined;
  condition: string;
  /** rows that were read, those that a filter dropped included */
  rows: number;
}

interface PlanNode {
  "Node Type": string;
  "Relation Name"?: string;
  "Index Name"?: string;
  "Index Cond"?: string;
  "Recheck Cond"?: string;
  "Actual Rows"?: number;
  "Actual Loops"?: number;
  "Rows Removed by Filter"?: number;
  "Rows Removed by Index Recheck"?: number;
  Plans?: PlanNode[];
}

/** The scans of `table` in a statement, run as this user with what PostgREST would set; auto_explain sees the inside. */
export async function scansOf(
  adminUrl: string,
  userId: string,
  table: string,
  statement: string,
  parameters: readonly (string | number | boolean | null)[],
): Promise<Scan[]> {
  const logged: string[] = [];
  const sql = postgres(adminUrl, { max: 1, onnotice: ({ message }) => logged.push(message ?? "") });
  try {
    await sql.unsafe(`
      load 'auto_explain';
      set auto_explain.log_min_duration = 0; set auto_explain.log_analyze = on;
      set auto_explain.log_nested_statements = on; set auto_explain.log_format = json;
      set client_min_messages = log`);
    await sql.begin(async (tx) => {
      const claims = JSON.stringify({ sub: userId, role: "authenticated" });
      await tx`select set_config('request.jwt.claims', ${claims}, true), set_config('request.jwt.claim.sub', ${userId}, true)`;
      await tx.unsafe("set local role authenticated");
      logged.length = 0;
      await tx.unsafe(statement, [...parameters]);
    });
    return logged.flatMap((message) => {
      const [plan] = /\{[\s\S]*\}/.exec(message) ?? [];
      return plan ? scansIn(JSON.parse(plan).Plan, table) : [];
    });
  } finally {
    await sql.end();
  }
}

function scansIn(node: PlanNode, table: string): Scan[] {
  const within = (node.Plans ?? []).flatMap((plan) => scansIn(plan, table));
  if (node["Relation Name"] !== table || !/Scan/.test(node["Node Type"])) return within;
  const loops = node["Actual Loops"] ?? 0;
  const read =
    (node["Actual Rows"] ?? 0) + (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0);
  const scan: Scan = {
    node: node["Node Type"],
    index: node["Index Name"] ?? node.Plans?.[0]?.["Index Name"],
    condition: node["Index Cond"] ?? node["Recheck Cond"] ?? "",
    rows: read * loops,
  };
  return [scan, ...within];
}

const columns = JSON.stringify(["id", "user_id", "amount", "version"]);
const LIST = "select public.records_list($1, $2, $3, $4, $5, $6, $7, $8)";

/** Every kind of read as the repository sends it, with its parameters, and how many rows it may read; "own" is all of the user's. */
export const reads = (userId: string, id: string, cursor: { date: string; key: string; id: string }) => {
  const made = [cursor.key, cursor.id];
  const list = (filters: object[], fields: string[], after: string[] | null, limit: number) => ({
    statement: LIST,
    parameters: [
      "expenses",
      userId,
      JSON.stringify(filters),
      null,
      JSON.stringify(fields.map((field) => ({ field, descending: true }))),
      after && JSON.stringify(after),
      limit,
      columns,
    ],
  });
  const plain = (statement: Sql) => ({ statement: textOf(statement), parameters: [] });
  const page = { filters: [], order: orderOf({ field: "created_at", direction: "desc" }), limit: 21 } as const;
  const byDay = { ...page, order: orderOf({ field: "date", direction: "desc" }) };
  const euros = { field: "currency", operator: "eq", value: "EUR" } as const;
  return [
    { what: "list-20 without REST", limit: 21, ...plain(listRows(expenses, userId, page)) },
    { what: "next page without REST", limit: 22, ...plain(listRows(expenses, userId, { ...page, after: made })) },
    {
      what: "next page by day without REST",
      limit: 22,
      ...plain(listRows(expenses, userId, { ...byDay, after: [cursor.date, ...made] })),
    },
    { what: "get without REST", limit: 1, ...plain(getRow(expenses, userId, id)) },
    {
      what: "count with a filter without REST",
      limit: "own" as const,
      ...plain(countRows(expenses, userId, { filters: [euros] })),
    },
    { what: "list-20", limit: 21, ...list([], ["created_at", "id"], null, 21) },
    // the row that the cursor names is read again, and left out
    { what: "next page", limit: 22, ...list([], ["created_at", "id"], made, 21) },
    {
      what: "next page by day",
      limit: 22,
      ...list([], ["date", "created_at", "id"], [cursor.date, ...made], 21),
    },
    { what: "get", limit: 1, ...list([{ field: "id", operator: "eq", value: id }], ["id"], null, 1) },
    {
      what: "count with a filter",
      limit: "own" as const,
      statement: "select public.records_summarize($1, $2, $3, null, null, null, null, null, 1)",
      parameters: ["expenses", userId, JSON.stringify([euros])],
    },
  ];
};
