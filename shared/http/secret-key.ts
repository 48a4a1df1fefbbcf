/** Secrets of machines, compared so that the time that it takes says nothing of them. */

/** Whether a request carries one of the project's secret keys, as `apikey` or as bearer token. */
export function carriesSecretKey(request: Request, keys: readonly string[]): Promise<boolean> {
  return isOneOf(
    request.headers.get("apikey") ?? request.headers.get("authorization")?.replace(/^bearer\s+/i, "") ?? "",
    keys,
  );
}

/** Whether what was given is one of the secrets; nothing is none. */
export async function isOneOf(given: string, keys: readonly string[]): Promise<boolean> {
  if (given === "") return false;
  const digest = await digestOf(given);
  let found = false;
  for (const key of keys) if (isSame(digest, await digestOf(key))) found = true;
  return found;
}

const digestOf = async (text: string) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));

/** Takes as long for a wrong key as for the right one: digests have one length, and every byte is compared. */
function isSame(one: Uint8Array, other: Uint8Array): boolean {
  let difference = 0;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0);
  return difference === 0;
}
