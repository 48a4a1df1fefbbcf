/** What the copy knows of its source, in the document `replication` of the collection `switchyard`, beside who the database is. */
import { type Db, type Document, Long } from "mongodb";

export interface ReplicaState {
  /** the newest mark that it has got */
  newest: number;
  /** what was committed at the source before that instant is here; null: unknown */
  completeUpTo: Date | null;
}

const ID = { _id: "replication" as never };
const read = (document: Document | null): ReplicaState => ({
  newest: Number(document?.newest ?? 0),
  completeUpTo: document?.complete_up_to ?? null,
});

/** Throws the driver's error. */
export const readState = async (db: Db): Promise<ReplicaState> => read(await db.collection("switchyard").findOne(ID));

/** Neither ever goes back: another worker may have been further. Throws the driver's error. */
export async function writeState(db: Db, { newest, completeUpTo }: ReplicaState): Promise<ReplicaState> {
  const largest = { newest: Long.fromNumber(newest), ...(completeUpTo && { complete_up_to: completeUpTo }) };
  return read(
    await db
      .collection("switchyard")
      .findOneAndUpdate(ID, { $max: largest }, { upsert: true, returnDocument: "after" }),
  );
}

/** As if it had got nothing. Throws the driver's error. */
export const forgetNewest = async (db: Db): Promise<void> =>
  void (await db.collection("switchyard").updateOne(ID, { $unset: { newest: "", complete_up_to: "" } }));
