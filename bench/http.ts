/** Requests as a client sends them; an answer that is not the expected one is a broken benchmark. */
import { body } from "./records.ts";

export interface Target {
  readonly url: string;
  readonly jwt: string;
}

export async function request({ url, jwt }: Target, path: string, method = "GET", sent?: object): Promise<string> {
  const answer = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${jwt}`, ...(sent && { "content-type": "application/json" }) },
    ...(sent && { body: JSON.stringify(sent) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text;
}

/** Files an expense; its id. */
export const file = async (target: Target): Promise<string> =>
  JSON.parse(await request(target, "/api/expenses", "POST", body())).id;
