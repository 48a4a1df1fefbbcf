/** What a backup reads of every database that is configured. */
import { type Collection, identityOf, isTwoWay, userFieldOf } from "../definition/define.ts";
import { databaseName } from "../mongo/database-name.ts";
import { uuidText } from "../mongo/documents.ts";
import type { ConfiguredDatabase } from "../placement/configured-databases.ts";
import { CONTROL_PLANE, titleOf } from "../placement/database-names.ts";
import { keptIn } from "../placement/kept-collections.ts";
import type { Parent } from "./chain.ts";
import { Control } from "./control.ts";
import type { Source } from "./create.ts";
import { BackupFailed, naming, namingEach } from "./failures.ts";
import type { BackedUpDatabase, Manifest } from "./manifest.ts";
import { mongoSource } from "./mongo-source.ts";
import { linesOf, Owners } from "./owners.ts";
import { postgresSource } from "./postgres-source.ts";
import type { DatabaseSource } from "./reading.ts";
import { isTombstone, type Line } from "./record-lines.ts";
import type { UntilStill } from "./until-still.ts";

export interface SourcesOptions {
  /** the direct way to Supabase's own Postgres */
  controlUrl: string;
  databases: readonly ConfiguredDatabase[];
  /** of the home `mongodb` */
  mongoDatabase: string | undefined;
  /** parents before the collections that refer to them */
  collections: readonly Collection[];
  connectMs: number;
  only: Manifest["only"];
  /** null: everything is read, and not what is newer */
  parent: Parent | null;
}

export interface Sources extends Pick<Manifest, "migrations" | "ledger" | "schema_revision" | "missing"> {
  sources: Source[];
  /** After everything is read: why that may not be whole; null: it is. */
  doubt(): Promise<string | null>;
  close(): Promise<void>;
}

/** Owners that are asked for at once. */
const ASKED = 500;

/** Opens them all, Supabase first; the snapshots are taken now. Throws `BackupFailed` for what people can mend. */
export async function openSources(options: SourcesOptions): Promise<Sources> {
  const closing: (() => Promise<void>)[] = [];
  const close = async () => void (await Promise.allSettled(closing.map((end) => end())));
  const { only, parent } = options;
  try {
    const source = await naming("supabase", () => postgresSource(options.controlUrl));
    closing.push(source.close);
    const control = new Control(source, options.controlUrl);
    const sites = await control.sites();
    const collections = (await control.asPlaced(options.collections)).filter(
      ({ name }) => !only?.collections || only.collections.includes(name),
    );
    if (parent) await control.refuseTakenBack(parent.manifest);
    const placedAnew = parent ? await control.placedSince(parent.manifest) : new Set<string>();

    const sourceOf = async (
      database: Pick<Source, "name" | "kind" | "read">,
      own: DatabaseSource & { again?: UntilStill["again"] },
    ): Promise<Source> => {
      const { name } = database;
      if (parent) await refuseSetBack(name, own, parent, collections, control);
      const atHome = await Owners.of(control.usersOf(name, { user: only?.user ?? null }));
      const moved = parent && (await Owners.of(control.usersOf(name, { since: parent.manifest })));
      const before = parent?.manifest.databases.find((one) => one.name === name)?.complete_to ?? {};
      const kept = keptIn(name, collections);

      // of whom they are, and of nobody else
      const narrowed = (collection: Collection, lines: AsyncIterable<Line>): AsyncIterable<Line> => {
        if (isOfHomes(collection)) return linesOf(lines, identityOf(collection).owner, atHome);
        return only?.user ? ofUser(lines, collection, only.user) : lines;
      };
      async function* read(collection: Collection): AsyncIterable<Line> {
        const newerThan = placedAnew.has(collection.name) ? undefined : before[collection.name];
        if (newerThan !== undefined) yield* own.lines(collection, { newerThan });
        else if (only?.user && isOfHomes(collection)) yield* own.lines(collection, { owners: [only.user] });
        else yield* own.lines(collection);
        if (newerThan === undefined || !moved || !isOfHomes(collection)) return;
        for (const owners of batches(moved)) yield* own.lines(collection, { upTo: newerThan, owners });
      }
      const contentsOf = (lines: (collection: Collection) => AsyncIterable<Line>) =>
        kept.map((collection) => ({
          ...{ name: collection.name, collection },
          lines: () => namingEach(name, narrowed(collection, lines(collection))),
        }));
      // what the other side has written comes late, with the version that it had there
      const timely = kept.filter((collection) => !isTwoWay(collection));
      return {
        ...{ ...database, site: sites.get(name) ?? 0, contents: contentsOf(read) },
        complete_to: Object.fromEntries(timely.map((collection) => [collection.name, own.completeTo])),
        ...(own.again && { again: contentsOf(own.again) }),
      };
    };

    const tables = (await control.tables(only)).map(({ name, where }) => ({
      ...{ name, collection: undefined, lines: () => namingEach("supabase", source.table(name, where)) },
    }));
    const first = await sourceOf({ name: CONTROL_PLANE, kind: "postgres", read: "repeatable-read snapshot" }, source);
    const sources: Source[] = [{ ...first, contents: [...tables, ...first.contents] }];
    for (const { name, kind, url } of options.databases) {
      const opened = await naming(name, async (): Promise<DatabaseSource & { read: BackedUpDatabase["read"] }> => {
        if (kind === "postgres") return { ...(await postgresSource(url)), read: "repeatable-read snapshot" };
        return mongoSource(
          url,
          databaseName(url, name === "mongodb" ? options.mongoDatabase : undefined),
          options.connectMs,
        );
      });
      closing.push(opened.close);
      sources.push(await naming(name, () => sourceOf({ name, kind, read: opened.read }, opened)));
    }
    return { sources, close, doubt: () => control.takenAway(), ...(await control.said(only)) };
  } catch (error) {
    await close();
    throw error;
  }
}

const isOfHomes = ({ placement }: Collection) => placement.kind === "home";

/** Of collections that are not of homes; what is left of a deleted record says its owner, and not always its user. */
async function* ofUser(lines: AsyncIterable<Line>, collection: Collection, user: string): AsyncIterable<Line> {
  const field = userFieldOf(collection);
  const { owner } = identityOf(collection);
  for await (const line of lines) {
    const whose = isTombstone(line) && field !== owner ? undefined : line[field];
    if (whose !== undefined && whose !== null && uuidText(whose) === user) yield line;
  }
}

function* batches(owners: Owners): Iterable<string[]> {
  let batch: string[] = [];
  for (const id of owners) {
    batch.push(id.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"));
    if (batch.length < ASKED) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Throws where the newest record of the parent is not there, although whoever it is of has not left. */
async function refuseSetBack(
  name: string,
  own: DatabaseSource,
  parent: Parent,
  collections: readonly Collection[],
  control: Control,
): Promise<void> {
  const newest = parent.newest.get(name);
  const collection = collections.find((one) => one.name === newest?.collection);
  if (!newest || !collection || (await own.has(collection, newest)) || !(await control.isAtHome(newest.owner, name)))
    return;
  throw new BackupFailed(
    `${titleOf(name)} has been set back, as by restoring a backup: ${newest.collection} ${newest.id} was in ${parent.manifest.id}, and is not there any more. Make a full one: backup create --full.`,
  );
}
