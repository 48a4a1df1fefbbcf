/** `switchyard db prepare`: collections, indexes and validators in MongoDB. */
import { allCollections } from "../../shared/collections/index.ts";
import { NotAReplicaSet, prepareMongo } from "../../shared/mongo/prepare.ts";
import { downReason } from "../../shared/placement/down-reason.ts";
import { type Command, orRefuse, Refused } from "./command.ts";
import { connected } from "./connect.ts";

export const prepareDatabase: Command = {
  name: "db prepare",
  usage: "",
  about: "Prepares MongoDB for every collection; the first time it succeeds, new users may get it as their home.",
  options: {},
  positionals: 0,
  run: (_given, { env, out }) =>
    connected(env, async ({ assignments, mongo }) => {
      if (!mongo) throw new Refused("MongoDB is not configured: set MONGODB_URI.");
      const db = await mongo();
      try {
        await db.command({ ping: 1 });
        await prepareMongo(db, allCollections, { name: "mongodb", site: 2 });
      } catch (error) {
        if (error instanceof NotAReplicaSet) throw new Refused(error.message);
        throw isFromServer(error) ? new Refused(downReason("MongoDB", error)) : error;
      }
      out(`Prepared ${allCollections.length} collections in the database ${db.databaseName}.`);
      const opened = orRefuse(await assignments.open("mongodb"));
      if (opened) return out("From now on new users may get mongodb as their home.");
      const row = orRefuse(await assignments.databases()).find(({ name }) => name === "mongodb");
      out(
        row?.accepting
          ? "New users may get mongodb as their home, as before."
          : "New users do not get mongodb as their home; to change that: switchyard databases set mongodb --accepting=true",
      );
    }),
};

const isFromServer = (error: unknown) => error instanceof Error && error.name.startsWith("Mongo");
