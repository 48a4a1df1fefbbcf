/** What a backup asks of the control plane, in the snapshot that it is of. */
import type { Collection } from "../definition/define.ts";
import { BackupFailed } from "./failures.ts";
import type { Manifest } from "./manifest.ts";
import { type PostgresSource, postgresSource } from "./postgres-source.ts";
import { CONTROL_TABLES, type KeptTable } from "./tables.ts";

/** What is kept of one user: by which column. */
const OF_USER: Readonly<Record<string, string>> = {
  "auth.users": "id",
  "auth.identities": "user_id",
  "auth.mfa_factors": "user_id",
  "public.user_database_assignments": "user_id",
  "switchyard.assignment_history": "user_id",
  "public.private_profiles": "user_id",
};
/** Without which nobody could tell where records of some collections are to be restored. */
const OF_COLLECTIONS: readonly string[] = ["switchyard.databases", "public.user_database_assignments"];

/** A move forwards what came late to the earlier home, for as long as tokens live: a day is more than that. */
const SINCE = (parent: Manifest) => `'${parent.began_at}'::timestamptz - interval '1 day'`;

/** By how much the clocks of this machine and of the database may differ. */
const CLOCKS = "interval '10 minutes'";

export class Control {
  readonly #source: PostgresSource;
  readonly #url: string;
  constructor(source: PostgresSource, url: string) {
    this.#source = source;
    this.#url = url;
  }

  async sites(): Promise<Map<string, number>> {
    const rows = await this.#source.ask("select name, site from switchyard.databases");
    return new Map(rows.map(({ name, site }) => [String(name), Number(site)]));
  }

  /** With the primaries that they have now: a collection may have been promoted. */
  async asPlaced(collections: readonly Collection[]): Promise<Collection[]> {
    const placed = await this.#source.ask("select collection, primary_database from switchyard.placements");
    return collections.map((collection) => {
      const primary = placed.find((row) => row.collection === collection.name)?.primary_database;
      if (collection.placement.kind !== "replicated" || !primary) return collection;
      return { ...collection, placement: { ...collection.placement, primary } };
    });
  }

  /** Collections whose primary was changed: what it took over has the versions of before. */
  async placedSince(parent: Manifest): Promise<Set<string>> {
    const rows = await this.#source.ask(
      `select collection from switchyard.placements where changed_at > ${SINCE(parent)}`,
    );
    return new Set(rows.map(({ collection }) => String(collection)));
  }

  /** Who is at home there, in order. `since`: those alone who were assigned after that backup began. */
  async *usersOf(home: string, { user, since }: { user?: string | null; since?: Manifest }): AsyncIterable<string> {
    const text = `select user_id from public.user_database_assignments a where database_provider = '${home}'
      ${user ? `and user_id = '${user}'` : ""}
      ${since ? `and exists (select from switchyard.assignment_history h where h.user_id = a.user_id and h.at > ${SINCE(since)})` : ""}
      order by user_id`;
    for await (const { user_id } of this.#source.stream(text)) yield String(user_id);
  }

  async isAtHome(user: string, home: string): Promise<boolean> {
    for await (const _ of this.usersOf(home, { user })) return true;
    return false;
  }

  /** Throws where an import was taken back, or is being: that leaves no tombstones of what it had brought. */
  async refuseTakenBack(parent: Manifest): Promise<void> {
    const [undone] = await this.#source.ask(
      `select run_id, state from switchyard.import_users
        where state = 'undoing' or (state = 'undone' and changed_at > '${parent.began_at}'::timestamptz - ${CLOCKS})
        order by state, run_id limit 1`,
    );
    if (!undone) return;
    throw new BackupFailed(
      undone.state === "undoing"
        ? `Import ${undone.run_id} is being taken back, and that leaves no trace of what goes: end it (switchyard import undo ${undone.run_id}), then make a full one: backup create --full.`
        : `Import ${undone.run_id} was taken back after ${parent.id} was made, and that leaves no trace of what goes. Make a full one: backup create --full.`,
    );
  }

  async tables(only: Manifest["only"]): Promise<KeptTable[]> {
    const present = await this.#present();
    const there = CONTROL_TABLES.filter(({ name }) => present.has(name));
    if (!only) return there;
    if (only.user === null) return there.filter(({ name }) => OF_COLLECTIONS.includes(name));
    return there.flatMap((table) => {
      const column = OF_USER[table.name];
      if (column) return [{ ...table, where: `${column} = '${only.user}'` }];
      return OF_COLLECTIONS.includes(table.name) ? [table] : [];
    });
  }

  async #present(): Promise<Set<string>> {
    const names = CONTROL_TABLES.map(({ name }) => `'${name}'`).join(", ");
    const found = await this.#source.ask(
      `select name from unnest(array[${names}]) name where to_regclass(name) is not null`,
    );
    return new Set(found.map(({ name }) => String(name)));
  }

  /** What the manifest says of the control plane. */
  async said(only: Manifest["only"]): Promise<Pick<Manifest, "migrations" | "schema_revision" | "ledger" | "missing">> {
    const [own] = await this.#source.ask(
      "select to_regclass('supabase_migrations.schema_migrations')::text as name, (select revision from switchyard.self) as revision",
    );
    const migrations = own?.name
      ? await this.#source.ask("select version from supabase_migrations.schema_migrations order by version")
      : [];
    const totals = await this.#source.ask(
      "select asset, sum(posted)::text as total from public.ledger_accounts where kind = 'user' group by asset order by asset",
    );
    const unsent = await this.#source.ask(
      "select collection, count(*)::text as count from switchyard.marks group by 1 order by 1",
    );
    const present = await this.#present();
    const absent = CONTROL_TABLES.filter(({ name, isOptional }) => isOptional && !present.has(name));
    return {
      migrations: migrations.map(({ version }) => String(version)),
      schema_revision: Number(own?.revision ?? 0),
      ledger: only ? null : Object.fromEntries(totals.map(({ asset, total }) => [String(asset), String(total)])),
      missing: [
        ...(only ? ["Everything but what `only` names: the ledger, and most of the control plane."] : []),
        ...absent.map(({ name }) => `${name}: this Supabase has no such table.`),
        "Moves that are open: they begin anew. Copies that finished moves keep in the earlier home.",
        "Sign-ins: everybody signs in again. Single sign-on providers, which are configuration of Supabase Auth.",
        ...unsent.map(
          ({ collection, count }) =>
            `${collection}: ${count} changes that wait in Supabase for their way to MongoDB, as far as that is the primary: wait until \`replication status\` shows nothing pending.`,
        ),
      ],
    };
  }

  /**
   * The copy in the home from which a user was read, where they have moved on and it was taken away since the snapshot: it was
   * read later than that, perhaps without them.
   */
  async takenAway(): Promise<string | null> {
    const now = await postgresSource(this.#url);
    try {
      const ended = await now.ask(
        `select user_id, source, epoch from switchyard.moves
          where state in ('cleaned', 'superseded') and ended_at > clock_timestamp() - interval '7 days'`,
      );
      if (ended.length === 0) return null;
      const values = ended
        .map(({ user_id, source, epoch }) => `('${user_id}'::uuid, '${source}', ${epoch})`)
        .join(", ");
      const [lost] = await this.#source.ask(
        `select count(*) as count from (values ${values}) m (user_id, source, epoch)
          join public.user_database_assignments a on a.user_id = m.user_id and a.database_provider = m.source and a.epoch = m.epoch`,
      );
      if (!lost || lost.count === "0") return null;
      return `${lost.count} users were moved while this backup was made, and the copies that they left were taken away already: they may be missing in it. Run it again.`;
    } finally {
      await now.close();
    }
  }
}
