/**
 * The `$jsonSchema` of a copy: keys and types, and no rule beside them. What may be written is decided in the primary, which
 * also holds records from before its rules; a copy that refused those would not be one. Tombstones pass.
 */
import type { Document } from "mongodb";
import { type Collection, identityOf } from "../definition/define.ts";
import { bsonType } from "./indexes.ts";

export function replicaValidatorOf(collection: Collection): Document {
  const { owner } = identityOf(collection);
  const fields = Object.entries(collection.fields);
  return {
    $or: [
      { _deleted_at: { $type: "date" } },
      {
        $jsonSchema: {
          bsonType: "object",
          required: ["_id", owner, ...fields.map(([name]) => name), "version", "created_at", "updated_at"],
          properties: {
            _id: { bsonType: "binData" },
            [owner]: { bsonType: "binData" },
            ...Object.fromEntries(
              fields.map(([name, { kind, required }]) => {
                const type = bsonType(kind);
                return [name, { bsonType: required ? type : [type, "null"].flat() }];
              }),
            ),
            version: { bsonType: "long" },
            created_at: { bsonType: "date" },
            updated_at: { bsonType: "date" },
          },
        },
      },
    ],
  };
}
