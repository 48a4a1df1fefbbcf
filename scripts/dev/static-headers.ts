/** The headers of static files that `vercel.json` sets, for the development server: a page that breaks one breaks here first. */
import { readFile } from "node:fs/promises";
import { createMiddleware } from "hono/factory";

interface Rule {
  /** a regular expression over the whole path; of Vercel's patterns only what is one is used here */
  source: string;
  headers: readonly { key: string; value: string }[];
}

/** Where the pages sign in, on Supabase's own hosts. */
const HOSTED_AUTH = "https://*.supabase.co";

/** Sets them on what follows; pages may sign in at `supabaseUrl` instead of a project that Supabase hosts. */
export async function staticHeaders(supabaseUrl = HOSTED_AUTH) {
  const file = new URL("../../vercel.json", import.meta.url);
  const { headers: rules }: { headers: readonly Rule[] } = JSON.parse(await readFile(file, "utf8"));
  return createMiddleware(async (c, next) => {
    await next();
    for (const { source, headers } of rules)
      if (new RegExp(`^${source}$`).test(c.req.path))
        for (const { key, value } of headers) c.res.headers.set(key, value.replace(HOSTED_AUTH, supabaseUrl));
  });
}
