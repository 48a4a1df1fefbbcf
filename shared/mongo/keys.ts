/**
 * How documents are keyed. Those of a home have a compound `_id` of owner and id, because a global one would tell a
 * stranger that an id exists; those of collections with a place of their own have the id for `_id`, and the owner in a
 * field beside it.
 */
import { type Document, UUID } from "mongodb";
import { identityOf, userFieldOf } from "../definition/define.ts";
import { perCollection } from "../definition/per-collection.ts";

export interface Keys {
  /** the field that names the owner */
  owner: string;
  /** paths in the document */
  ownerPath: string;
  idPath: string;
  /** `_id` of a record */
  key(ownerId: string, id: string): unknown;
  /** the filter for one document, be it a tombstone */
  any(ownerId: string, id: string): Document;
  /** the same, living: a tombstone has `_deleted_at`, nothing else does, and null matches what is not there */
  one(ownerId: string, id: string): Document;
  /** all living documents of an owner, or of several */
  living(owners: string | readonly string[]): Document;
  /** everything of a user's, tombstones, too */
  everything(userId: string): Document;
  /** what a tombstone keeps beside `_id` to be found as its owner's, as expressions */
  kept: Document;
  ownerOf(document: Document): unknown;
  idOf(document: Document): unknown;
}

export const keysOf = perCollection((collection): Keys => {
  const { owner, perOwner } = identityOf(collection);
  return perOwner ? compound(owner) : global(owner, userFieldOf(collection));
});

function compound(owner: string): Keys {
  const ownerPath = `_id.${owner}`;
  // in this order: MongoDB compares sub-documents with the order of their fields
  const key = (ownerId: string, id: string) => ({ [owner]: new UUID(ownerId), id: new UUID(id) });
  return {
    owner,
    ownerPath,
    idPath: "_id.id",
    key,
    any: (ownerId, id) => ({ _id: key(ownerId, id) }),
    one: (ownerId, id) => ({ _id: key(ownerId, id), _deleted_at: null }),
    living: (owners) => ({ [ownerPath]: anyOf(owners), _deleted_at: null }),
    everything: (ownerId) => ({ [ownerPath]: new UUID(ownerId) }),
    kept: {},
    ownerOf: ({ _id }) => _id[owner],
    idOf: ({ _id }) => _id.id,
  };
}

function global(owner: string, user: string): Keys {
  const any = (ownerId: string, id: string) => ({ _id: new UUID(id), [owner]: new UUID(ownerId) });
  return {
    owner,
    ownerPath: owner,
    idPath: "_id",
    key: (_ownerId, id) => new UUID(id),
    any,
    one: (ownerId, id) => ({ ...any(ownerId, id), _deleted_at: null }),
    living: (owners) => ({ [owner]: anyOf(owners), _deleted_at: null }),
    everything: (userId) => ({ [user]: new UUID(userId) }),
    kept: { [owner]: `$${owner}` },
    ownerOf: (document) => document[owner],
    idOf: ({ _id }) => _id,
  };
}

const anyOf = (owners: string | readonly string[]) =>
  typeof owners === "string" ? new UUID(owners) : { $in: owners.map((each) => new UUID(each)) };
