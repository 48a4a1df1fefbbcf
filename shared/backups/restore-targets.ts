/** Every database that is configured here, opened to be restored into. */
import type { Collection } from "../definition/define.ts";
import { createMongoClient } from "../mongo/client.ts";
import { databaseName } from "../mongo/database-name.ts";
import { readSelf, selfOr } from "../mongo/self.ts";
import type { ConfiguredDatabase } from "../placement/configured-databases.ts";
import { CONTROL_PLANE } from "../placement/database-names.ts";
import { keptIn } from "../placement/kept-collections.ts";
import { BackupFailed, naming } from "./failures.ts";
import { mongoTarget } from "./restore-mongo.ts";
import { postgresTarget } from "./restore-postgres.ts";
import type { RestoreTarget } from "./restore-verdict.ts";
import { connectSql, type SqlConnection } from "./sql.ts";

/** Of a batch of records. */
const SOCKET_MS = 60_000;

export interface TargetsOptions {
  /** of the control plane */
  control: SqlConnection;
  databases: readonly ConfiguredDatabase[];
  /** of the home `mongodb` */
  mongoDatabase: string | undefined;
  collections: readonly Collection[];
  connectMs: number;
}

export interface Targets {
  all: ReadonlyMap<string, RestoreTarget>;
  close(): Promise<void>;
}

/** Opens them all. Throws `BackupFailed` where one is away, is not prepared, or is another one. */
export async function openTargets(options: TargetsOptions): Promise<Targets> {
  const { control, databases, mongoDatabase, collections, connectMs } = options;
  const all = new Map<string, RestoreTarget>();
  const close = async () => void (await Promise.allSettled([...all.values()].map((target) => target.close())));
  try {
    // the connection is its caller's
    const own: SqlConnection = { ...control, close: async () => undefined };
    await refuseUnprepared(control, CONTROL_PLANE);
    all.set(CONTROL_PLANE, postgresTarget(CONTROL_PLANE, own, true));
    for (const database of databases) await naming(database.name, () => open(database), "Nothing was written.");
    return { all, close };
  } catch (error) {
    await close();
    throw error;
  }

  async function open({ name, kind, url }: ConfiguredDatabase): Promise<void> {
    if (kind === "postgres") {
      const sql = await connectSql(url, connectMs);
      all.set(name, postgresTarget(name, sql, false));
      return refuseUnprepared(sql, name);
    }
    const deadlines = { connectMs, socketMs: SOCKET_MS };
    const client = createMongoClient(url, { appName: "switchyard-restore", deadlines, maxPoolSize: 2 });
    const db = client.db(databaseName(url, name === "mongodb" ? mongoDatabase : undefined));
    const kept = new Map(keptIn(name, collections).map((collection) => [collection.name, collection]));
    const ends = { name, db, all: kept, close: () => client.close() };
    // known before it is asked, so that it is closed
    all.set(name, mongoTarget({ ...ends, site: 0 }));
    const self = selfOr(await readSelf(db, connectMs), name);
    refuseOther(self?.name, name);
    all.set(name, mongoTarget({ ...ends, site: self?.site ?? 0 }));
  }
}

async function refuseUnprepared({ query }: Pick<SqlConnection, "query">, name: string): Promise<void> {
  const [there] = await query("select to_regclass('switchyard.self') is not null as is");
  const [self] = there?.is === true ? await query("select name from switchyard.self") : [];
  refuseOther(self === undefined ? undefined : String(self.name), name);
}

function refuseOther(found: string | undefined, name: string): void {
  if (found === undefined)
    throw new BackupFailed(
      `The database "${name}" is not prepared: ${name === CONTROL_PLANE ? "apply the migrations" : `run switchyard db prepare ${name}`} first.`,
    );
  if (found !== name)
    throw new BackupFailed(`The database configured as "${name}" says that it is "${found}": look at its URL.`);
}
