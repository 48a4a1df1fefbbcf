/**
 * Runs one edge function, on Deno: serves what it hands to `Deno.serve` (or exports as `fetch`) on a free port, says
 * which on standard output, and ends when standard input does, which is when the development server is gone, killed
 * or not. Started by edge-functions.ts.
 */
type Handler = (request: Request) => Response | Promise<Response>;
interface DenoApi {
  readonly args: readonly string[];
  readonly stdin: { readonly readable: ReadableStream<Uint8Array> };
  serve(options: { hostname: string; port: number; onListen(at: { port: number }): void }, handler: Handler): unknown;
  addSignalListener(signal: string, handler: () => void): void;
  exit(code: number): never;
}

const deno = (globalThis as unknown as { Deno: DenoApi }).Deno;
const listen = deno.serve;
let handler: Handler | undefined;

// Ctrl-C reaches the whole process group; the parent ends us once it has answered what it was asked.
deno.addSignalListener("SIGINT", () => undefined);

Object.defineProperty(deno, "serve", {
  value: (first: unknown, second?: Handler) => {
    handler = (typeof first === "function" ? first : (second ?? (first as { handler: Handler }).handler)) as Handler;
    return { finished: new Promise(() => undefined), shutdown: async () => undefined };
  },
});

const entry = (await import(deno.args[0] ?? "")) as { default?: { fetch?: Handler } | Handler };
const exported = typeof entry.default === "function" ? entry.default : entry.default?.fetch;
const serve = handler ?? exported;
if (!serve) throw new Error(`${deno.args[0]} neither calls Deno.serve nor exports fetch`);

listen(
  { hostname: "127.0.0.1", port: 0, onListen: ({ port }) => console.log(`switchyard:listening:${port}`) },
  (request) => serve(request),
);

const reader = deno.stdin.readable.getReader();
while (!(await reader.read()).done);
deno.exit(0);
