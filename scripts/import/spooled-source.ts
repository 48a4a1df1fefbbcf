/**
 * Files as a source. A file cannot be asked for what belongs to a user, so each is read once, into a table of SQLite in a
 * temporary folder, and asked there: memory stays the same however long the files are.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BSON } from "mongodb";
import { valueAt } from "../../shared/imports/rules.ts";
import type { ImportSource, SourceDocument } from "../../shared/imports/source.ts";
import { keyOf } from "../../shared/imports/source-ids.ts";

export interface SpooledFiles {
  title: string;
  guessed: readonly string[];
  decimalMark: "." | ",";
  names: readonly string[];
  /** every document of one, in the order of the file */
  documents(name: string): AsyncIterable<SourceDocument>;
}

const AT_ONCE = 1_000;

export function spooledSource({ title, guessed, decimalMark, names, documents }: SpooledFiles): ImportSource {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-import-"));
  const sqlite = new DatabaseSync(join(folder, "spool"));
  // what is lost with the process is read again from the files
  sqlite.exec(`pragma journal_mode = off; pragma synchronous = off;
    create table documents (name text, at integer, body text, primary key (name, at)) without rowid;
    create table owners (name text, path text, key text, at integer, primary key (name, path, key, at)) without rowid;`);
  const put = sqlite.prepare("insert into documents values (?, ?, ?)");
  const page = sqlite.prepare("select at, body from documents where name = ? and at > ? order by at limit ?");
  const own = sqlite.prepare("insert into owners values (?, ?, ?, ?)");
  const owned = sqlite.prepare(
    "select d.body from owners o join documents d on d.name = o.name and d.at = o.at where o.name = ? and o.path = ? and o.key = ? order by o.at",
  );
  const counted = sqlite.prepare("select count(*) as n from documents where name = ?");
  const spooled = new Map<string, Promise<void>>();
  const indexed = new Map<string, Promise<void>>();

  const spool = (name: string): Promise<void> =>
    once(spooled, name, async () => {
      if (!names.includes(name)) return;
      let at = 0;
      sqlite.exec("begin");
      try {
        for await (const document of documents(name))
          put.run(name, at++, BSON.EJSON.stringify(document, { relaxed: false }));
      } finally {
        sqlite.exec("commit");
      }
    });
  async function* read(name: string): AsyncGenerator<SourceDocument> {
    await spool(name);
    for (let after = -1; ; ) {
      const rows = page.all(name, after, AT_ONCE) as { at: number; body: string }[];
      for (const { body } of rows) yield parsed(body);
      const last = rows.at(-1);
      if (!last) return;
      after = last.at;
    }
  }
  const index = (name: string, path: string): Promise<void> =>
    once(indexed, JSON.stringify([name, path]), async () => {
      let at = 0;
      sqlite.exec("begin");
      for await (const document of read(name)) {
        const key = keyOf(valueAt(document, path));
        if (key !== undefined) own.run(name, path, key, at);
        at++;
      }
      sqlite.exec("commit");
    });
  return {
    ...{ title, guessed, decimalMark, read },
    names: async () => [...names].sort(),
    async *owned(name, path, keys) {
      await spool(name);
      await index(name, path);
      for (const key of keys)
        for (const { body } of owned.all(name, path, key) as { body: string }[]) yield parsed(body);
    },
    async count(name) {
      await spool(name);
      return Number(counted.get(name)?.n);
    },
    async close() {
      sqlite.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function once(done: Map<string, Promise<void>>, key: string, work: () => Promise<void>): Promise<void> {
  const begun = done.get(key) ?? work();
  done.set(key, begun);
  return begun;
}

/** Numbers as the numbers that they were written as: a Double is no other number than itself. */
const parsed = (body: string): SourceDocument => BSON.EJSON.parse(body, { relaxed: false }) as SourceDocument;
