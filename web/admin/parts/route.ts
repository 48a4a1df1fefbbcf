/** Where in the pages one is: behind the `#` of the address, so that one static file serves them all. */
import { signal } from "@preact/signals";

export interface Place {
  /** "" is the overview */
  readonly page: string;
  /** what of it: a user's id */
  readonly subject: string | null;
  readonly query: URLSearchParams;
}

export const place = signal<Place>(placeOf(location.hash));
addEventListener("hashchange", () => {
  place.value = placeOf(location.hash);
});

/** `#/users/some-id?q=text` */
function placeOf(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page = "", subject] = path.split("/").map(decoded);
  return { page, subject: subject || null, query: new URLSearchParams(query) };
}

/** What is no encoding stays as it was typed. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of a page; what is empty in `query` is left out. */
export function hrefOf(page: string, subject?: string | null, query: Readonly<Record<string, string>> = {}): string {
  const said = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
  return `#/${page}${subject ? `/${encodeURIComponent(subject)}` : ""}${said ? `?${said}` : ""}`;
}
