/** Every MongoDB against this code: whether it answers, can do transactions, and has what the definitions ask for. */
import type { MongoClient } from "mongodb";
import { createMongoClient } from "../../mongo/client.ts";
import { databaseName, replicaDatabaseName } from "../../mongo/database-name.ts";
import { NotAReplicaSet, REPLICA, refuseStandalone, unpreparedIn } from "../../mongo/prepare.ts";
import { readSelf } from "../../mongo/self.ts";
import type { ConfiguredDatabase } from "../../placement/configured-databases.ts";
import { copiedTo, keptIn } from "../../placement/kept-collections.ts";
import { type Check, failure, pass } from "./check.ts";
import { few } from "./postgres.ts";
import type { Subject } from "./subject.ts";

/** Of the server: aggregation by months (`$dateTrunc`) and fields named by values came with it. */
const OLDEST = 5;

/** The checks, and what closes the connections that they have opened. */
export function mongoChecks(subject: Subject): { checks: Check[]; close(): Promise<void> } {
  const clients = new Map<string, MongoClient>();
  const clientOf = ({ name, url }: ConfiguredDatabase): MongoClient => {
    const made =
      clients.get(name) ?? createMongoClient(url, { appName: "switchyard-doctor", deadlines: subject.deadlines });
    clients.set(name, made);
    return made;
  };
  return {
    checks: subject.config.databases
      .filter(({ kind }) => kind === "mongodb")
      .flatMap((database) => checksOf(subject, database, () => clientOf(database))),
    close: async () => {
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}

function checksOf(subject: Subject, { name, url, variable }: ConfiguredDatabase, client: () => MongoClient): Check[] {
  const { config, collections, deadlines } = subject;
  const connected = `${name}: connection`;
  const own = databaseName(url, name === "mongodb" ? config.MONGODB_DATABASE : undefined);
  const db = () => client().db(own);
  const copies = copiedTo(name, collections);
  const prepare = `Run: npm run switchyard -- db prepare ${name} (as a user who may, README: The users of the databases)`;
  return [
    {
      name: connected,
      fix: `Is it running, are address, user and password in ${variable} right, and does it let this machine's address in (Atlas: Network Access)?`,
      run: async () => {
        const self = await readSelf(db(), deadlines.queryMs);
        return self === null || self.name === name
          ? pass("answers")
          : failure(
              `${variable} leads to another database, which calls itself "${self.name}"`,
              `Set ${variable} to ${name}'s own address.`,
            );
      },
    },
    {
      name: `${name}: version`,
      needs: [connected],
      fix: "Its user has to be able to ask for buildInfo, as every user of a MongoDB is.",
      run: async () => {
        const { version } = (await db().command({ buildInfo: 1 })) as { version?: string };
        const major = Number.parseInt(String(version), 10);
        return major >= OLDEST
          ? pass(`MongoDB ${version}`)
          : failure(`MongoDB ${version}, and ${OLDEST} is needed`, "Upgrade the server.");
      },
    },
    {
      name: `${name}: transactions`,
      needs: [connected],
      fix: `Its user has to be able to read in ${own}.`,
      run: async () => {
        try {
          await refuseStandalone(db());
        } catch (error) {
          if (!(error instanceof NotAReplicaSet)) throw error;
          return failure("is a standalone, which does no transactions", error.message);
        }
        return pass("does transactions, on which references rest");
      },
    },
    {
      name: `${name}: validators and indexes`,
      needs: [connected],
      fix: prepare,
      run: async () => {
        const kept = keptIn(name, collections);
        const faults = await unpreparedIn(db(), kept);
        if (copies.length > 0) {
          const replica = replicaDatabaseName(url, config.MONGODB_DATABASE, config.MONGODB_REPLICA_DATABASE);
          const ofCopies = await unpreparedIn(client().db(replica), copies, REPLICA);
          faults.push(...ofCopies.map((fault) => `in ${replica}, ${fault}`));
        }
        if (faults.length > 0) return failure(few(faults), prepare);
        return pass(`${kept.length + copies.length} collections as they are defined`);
      },
    },
  ];
}
