/** A personal-finance application that lived on MongoDB alone: users, wallets and transactions, as its own code wrote them. */
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Db, type Document, MongoClient, ObjectId } from "mongodb";
import { mongoUriFor } from "../setup/servers.ts";

export const MAP = "examples/import/personal-finance.json";

/** The example's mapping with another zone, or whatever `change` makes of it: the path of a file of its own. */
export async function mapWith({ zone, change }: { zone?: string; change?: (map: Document) => void }): Promise<string> {
  const map = JSON.parse((await readFile(MAP, "utf8")).replaceAll("Europe/Rome", zone ?? "Europe/Rome"));
  change?.(map);
  const path = join(await mkdtemp(join(tmpdir(), "switchyard-map-")), "map.json");
  await writeFile(path, JSON.stringify(map, null, 2));
  return path;
}

export interface Legacy {
  uri: string;
  db: Db;
  /** every document of every collection, by id: what nobody may have changed */
  everything(): Promise<string>;
  stop(): Promise<void>;
}

export async function startLegacy(prefix: string): Promise<Legacy> {
  const uri = mongoUriFor(`${prefix}_${randomUUID().slice(0, 8)}`);
  const client = await new MongoClient(uri).connect();
  const db = client.db();
  return {
    ...{ uri, db },
    async everything() {
      const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name).sort();
      const all = await Promise.all(names.map((name) => db.collection(name).find().sort({ _id: 1 }).toArray()));
      return JSON.stringify(names.map((name, at) => [name, all[at]]));
    },
    async stop() {
      await db.dropDatabase();
      await client.close();
    },
  };
}

/** `passwordHash` of bcrypt; `email` as the application wrote it. */
export const legacyUser = (email: string, passwordHash: string | null, more: Document = {}): Document => ({
  ...{ _id: new ObjectId(), email, passwordHash, name: email.split("@")[0] },
  ...{ emailVerifiedAt: new Date("2025-01-02T03:04:05Z"), createdAt: new Date("2025-01-01T00:00:00Z"), __v: 0 },
  ...more,
});

export const wallet = (userId: unknown, name: string, more: Document = {}): Document => ({
  ...{ _id: new ObjectId(), userId, name, type: "bank", balance: 12.5, currency: "EUR" },
  ...{ createdAt: new Date("2025-01-03T00:00:00Z"), __v: 0 },
  ...more,
});

export const transaction = (userId: unknown, walletId: unknown, more: Document = {}): Document => ({
  ...{ _id: new ObjectId(), userId, walletId, type: "expense", amount: 12.5, currency: "EUR" },
  // the next day in Rome
  ...{ date: new Date("2025-03-09T23:30:00Z"), note: "groceries", labels: ["food"] },
  ...{ createdAt: new Date("2025-03-09T23:31:00Z"), __v: 0 },
  ...more,
});
