/** The `$jsonSchema` of a definition: the second guard behind the application's own validation. Tombstones pass. */
import { Decimal128, type Document } from "mongodb";
import { type Collection, identityOf } from "../definition/define.ts";
import type { Field } from "../definition/fields.ts";
import { bsonType } from "./indexes.ts";

export function validatorOf(collection: Collection): Document {
  const fields = Object.entries(collection.fields);
  const { owner, perOwner } = identityOf(collection);
  const uuid = { bsonType: "binData" };
  const key = { bsonType: "object", required: [owner, "id"], properties: { [owner]: uuid, id: uuid } };
  return {
    $or: [
      { _deleted_at: { $type: "date" } },
      {
        // beside the schema: DocumentDB's knows no `not`
        ...Object.fromEntries(
          fields.filter(([, { sign }]) => sign === "any").map(([name]) => [name, { $ne: Decimal128.fromString("0") }]),
        ),
        $jsonSchema: {
          bsonType: "object",
          required: [
            "_id",
            ...(perOwner ? [] : [owner]),
            ...fields.map(([name]) => name),
            "version",
            "created_at",
            "updated_at",
          ],
          properties: {
            ...(perOwner ? { _id: key } : { _id: uuid, [owner]: uuid }),
            ...Object.fromEntries(fields.map(([name, field]) => [name, fieldSchema(field)])),
            version: { bsonType: "long" },
            created_at: { bsonType: "date" },
            updated_at: { bsonType: "date" },
          },
        },
      },
    ],
  };
}

function fieldSchema(field: Field): Document {
  const type = bsonType(field.kind);
  const schema: Document = { bsonType: field.required ? type : [type, "null"].flat() };
  const { kind, maxLength, minLength, maxItems, values, sign } = field;
  // an enum of a nullable field has to list null, too
  if (values) schema.enum = field.required ? [...values] : [...values, null];
  if (kind === "currency") schema.pattern = "^[A-Z]{3}$";
  if (kind === "day") schema.pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$";
  if (kind === "text" && maxLength !== undefined) schema.maxLength = maxLength;
  if (kind === "text" && minLength) schema.minLength = minLength;
  if (sign && sign !== "any") {
    schema.minimum = Decimal128.fromString("0");
    if (sign === "above") schema.exclusiveMinimum = true;
  }
  if (kind === "tags") {
    schema.maxItems = maxItems;
    schema.items = { bsonType: "string", minLength, maxLength };
  }
  return schema;
}
