/**
 * In every test file: whatever the project logs, at any level and wherever to, and whatever the API and the edge functions
 * answer, is looked through for secrets and addresses. A file in which any was seen has failed.
 */
import { afterAll, expect, inject, vi } from "vitest";
import { checkAnswer, checkLogLine, keepSecret, leaks } from "./leaks.ts";

// unit tests may run without servers
const { secretKey, jwtSecret, hookSecret } = (inject("servers") as Partial<ReturnType<typeof inject<"servers">>>) ?? {};
keepSecret(secretKey, jwtSecret, hookSecret);

/** The answer, to be used instead of the one that was given. */
async function checkResponse(response: Response, from: string): Promise<Response> {
  checkAnswer(JSON.stringify([...response.headers]), from);
  // exports to CSV hold records only
  if (!response.body || !/json|text\/(plain|html)/.test(response.headers.get("content-type") ?? "")) return response;
  if (response.headers.has("content-disposition")) return new Response(checkWhileRead(response.body, from), response);
  checkAnswer(await response.clone().text(), from);
  return response;
}

/** Of a file that is made while it is read: read whole before, it would be another file than the reader's. */
function checkWhileRead(body: NonNullable<Response["body"]>, from: string): typeof body {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await reader.read().finally(() => checkAnswer(text, from));
        if (done) return controller.close();
        text += decoder.decode(value, { stream: true });
        controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    // asks for nothing before its reader does
    { highWaterMark: 0 },
  );
}

vi.mock("../../shared/log.ts", async (original) => {
  const real = await original<typeof import("../../shared/log.ts")>();
  const createLog: typeof real.createLog = (options) => {
    const own = real.createLog(options);
    // what the level leaves out would be said in another deployment
    const write = (line: string) => checkLogLine(line, "the log");
    const all = real.createLog({ ...options, level: "debug", write, keep: undefined });
    const both = (level: "debug" | "info" | "warn" | "error") => (event: string, fields?: Record<string, unknown>) => {
      all[level](event, fields);
      own[level](event, fields);
    };
    return { debug: both("debug"), info: both("info"), warn: both("warn"), error: both("error") };
  };
  return { ...real, createLog };
});

vi.mock("../../api/_app.ts", async (original) => {
  const real = await original<typeof import("../../api/_app.ts")>();
  const createApp: typeof real.createApp = (dependencies, ...more) => {
    const app = real.createApp(
      () => {
        const made = dependencies();
        const { SUPABASE_SECRET_KEY, SUPABASE_JWT_SECRET, IDEMPOTENCY_SECRET } = made.config;
        keepSecret(SUPABASE_SECRET_KEY, SUPABASE_JWT_SECRET, IDEMPOTENCY_SECRET);
        return made;
      },
      ...more,
    );
    const serve = app.fetch;
    app.fetch = async (request, ...more) => {
      const response = await serve(request, ...more);
      return checkResponse(response, `${request.method} ${request.url}`);
    };
    return app;
  };
  return { ...real, createApp };
});

const send = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const response = await send(input, init);
  const url = input instanceof Request ? input.url : String(input);
  if (url.includes("/functions/v1/") || /\/api(\/|$)/.test(new URL(url).pathname)) return checkResponse(response, url);
  return response;
};

afterAll(() => expect(leaks(), "secrets and addresses in logs and answers").toEqual([]));
