/** Requests of one user to an instance of the API, and what tests look at in its answers. */
import type { ApiInstance } from "./api.ts";

interface Said {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: any JSON
  body: any;
  /** the databases that were called for it, in order */
  asked: string[];
}

export type Caller = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Said>;

export const callerOf =
  ({ app }: Pick<ApiInstance, "app">, { jwt }: { jwt: string }): Caller =>
  async (method, path, body, headers = {}) => {
    const response = await app.request(`/api${path}`, {
      method,
      headers: { authorization: `Bearer ${jwt}`, "content-type": "application/json", ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") && text !== "";
    const timed = (response.headers.get("server-timing") ?? "").matchAll(/(\w+);dur=/g);
    return {
      status: response.status,
      headers: response.headers,
      body: isJson ? JSON.parse(text) : text,
      asked: [...timed].map(([, name = ""]) => name),
    };
  };
