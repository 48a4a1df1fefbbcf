/** The users of a source in turn, each with everything of theirs, converted: what a dry run, a run and its verification go over. */
import { convertAccount, type ImportedAccount } from "./convert-account.ts";
import { isMeant } from "./convert-record.ts";
import { type ConvertedUser, convertUser } from "./convert-user.ts";
import { type Finding, misfitInWords } from "./findings.ts";
import type { Mapping } from "./mapping.ts";
import { valueAt } from "./rules.ts";
import type { ImportSource, SourceDocument } from "./source.ts";
import { keyOf, uuidOf } from "./source-ids.ts";
import { namesSpokenOf } from "./spoken-of.ts";

export interface ReadUser extends ConvertedUser {
  account: ImportedAccount;
}

/** Of whom there is no account to be made. */
interface UnreadUser {
  /** their id here; absent where they have none of their own in the source */
  id?: string | undefined;
  reason: string;
}

export interface ReadUsers {
  /** so many documents of the source's users were read by now */
  read: number;
  users: ReadUser[];
  unread: UnreadUser[];
}

export interface Reading {
  source: ImportSource;
  mapping: Mapping;
  find: (finding: Finding) => void;
  /** users whose records are read at once */
  batchSize: number;
  /** told of how many documents of each collection were some user's */
  onDocuments?: (from: string, count: number) => void;
}

export async function* readUsers(reading: Reading): AsyncGenerator<ReadUsers> {
  const { source, mapping, find, batchSize } = reading;
  const spoken = namesSpokenOf(mapping);
  // the first one has the address: the same one every time, as the order is
  const addresses = new Set<string>();
  const keys = new Set<string>();
  let read = 0;
  let accounts: ImportedAccount[] = [];
  let unread: UnreadUser[] = [];
  const full = async (): Promise<ReadUsers> => {
    const taken = { accounts, unread };
    [accounts, unread] = [[], []];
    return { read, users: await withRecords(reading, taken.accounts, spoken), unread: taken.unread };
  };
  for await (const document of source.read(mapping.users.from)) {
    read++;
    if (!isMeant(mapping.users, document)) continue;
    unspoken(mapping.users.from, document, mapping.users.id, spoken, find);
    const unfit = (finding: Finding) => {
      if (!finding.isNote) unread.push({ id: idHere(mapping, document, keys), reason: misfitInWords(finding) });
      find(finding);
    };
    const account = convertAccount(mapping.users, document, source, unfit);
    if (!account) continue;
    const { key, email } = account;
    const twin = keys.has(key)
      ? "is the id of two users"
      : addresses.has(email)
        ? "is the address of two users"
        : undefined;
    if (twin !== undefined) {
      unfit({ from: mapping.users.from, field: mapping.users.email, reason: twin, id: key, value: email });
      continue;
    }
    keys.add(key);
    addresses.add(email);
    accounts.push(account);
    if (accounts.length + unread.length >= batchSize) yield await full();
  }
  const { from, id: field } = mapping.users;
  const unseen = (await source.count(from)) - read;
  const reason = "is of a kind that no import reads, or came while the others were read";
  for (let number = 0; number < unseen; number++) unread.push({ reason });
  if (unseen > 0) find({ from, field, reason, id: `${unseen} of them` });
  yield await full();
}

async function withRecords(
  { source, mapping, find, onDocuments }: Reading,
  accounts: readonly ImportedAccount[],
  spoken: ReadonlyMap<string, ReadonlySet<string>>,
): Promise<ReadUser[]> {
  const owners = new Map(mapping.records.map(({ from, owner }) => [from, owner]));
  const documents = new Map(accounts.map(({ key }) => [key, new Map<string, SourceDocument[]>()]));
  for (const [from, owner] of owners) {
    const entries = mapping.records.filter((entry) => entry.from === from);
    let count = 0;
    for await (const document of source.owned(from, owner, [...documents.keys()])) {
      const all = documents.get(keyOf(valueAt(document, owner)) ?? "");
      if (!all) continue;
      count++;
      const id = entries[0]?.id ?? "_id";
      unspoken(from, document, id, spoken, find);
      const list = all.get(from) ?? [];
      all.set(from, list);
      if (entries.some((entry) => isMeant(entry, document))) list.push(document);
      else
        find({
          from,
          field: "",
          reason: "is what no entry of the mapping means",
          id: idIn(document, id),
          isNote: true,
        });
    }
    onDocuments?.(from, count);
  }
  return accounts.map((account) => ({
    account,
    ...convertUser(mapping, documents.get(account.key) ?? new Map(), source, find),
  }));
}

/** Undefined, too, where it is one of these: then it is somebody else's. */
function idHere({ users }: Mapping, document: SourceDocument, taken: ReadonlySet<string>): string | undefined {
  const key = keyOf(valueAt(document, users.id));
  return key === undefined || taken.has(key) ? undefined : uuidOf(users.from, key);
}

const idIn = (document: SourceDocument, path: string): string => keyOf(valueAt(document, path)) ?? "?";

function unspoken(
  from: string,
  document: SourceDocument,
  id: string,
  spoken: ReadonlyMap<string, ReadonlySet<string>>,
  find: (finding: Finding) => void,
): void {
  for (const name of Object.keys(document))
    if (!spoken.get(from)?.has(name))
      find({
        from,
        field: name,
        reason: "is not in the mapping, and is left behind",
        id: idIn(document, id),
        isNote: true,
      });
}
