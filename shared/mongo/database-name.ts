/** Which databases of a MongoDB server are meant. Beside the driver, so that the configuration can be read without it. */

/**
 * The database that holds the records at a URL: `named`, else the one in the URL, else `switchyard`. The driver's own
 * default is `test`; whoever leaves the choice to it looks into another database than the API.
 */
export function databaseName(url: string, named?: string): string {
  const inUrl = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(url)?.[1];
  return named ?? (inUrl ? decoded(inUrl) : "switchyard");
}

/** As it is where it cannot be decoded: making the client says that, to the calls of this home and no other's. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The one that holds the copies of what has its primary elsewhere: `replica`, else the records' own with `_replica` behind. */
export const replicaDatabaseName = (url: string, named?: string, replica?: string): string =>
  replica ?? `${databaseName(url, named)}_replica`;
