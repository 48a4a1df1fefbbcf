/** Whose a line of a backup is, and in which database it belongs. */
import { type Collection, identityOf, userFieldOf } from "../definition/define.ts";
import type { Line } from "./record-lines.ts";

/** Null: it is no user's, as what a room has of its own; or it is a tombstone that does not say. */
export function userOfLine(collection: Collection, line: Line): string | null {
  const field = userFieldOf(collection);
  return line[field] === undefined || isOfRoom(collection) ? null : String(line[field]);
}

const isOfRoom = ({ scope }: Collection): boolean => scope.kind === "member" && scope.author === null;

/** `home`: of its user. Null: it is of a home, and its user has none. */
export function placeOfLine({ placement }: Collection, home: string | null): string | null {
  if (placement.kind === "home") return home;
  return placement.kind === "pinned" ? placement.database : placement.primary;
}

/** What tells it from every other record of the collection. */
export function keyOfLine(collection: Collection, line: Line): string {
  const { owner, perOwner } = identityOf(collection);
  return perOwner ? `${String(line[owner])} ${String(line.id)}` : String(line.id);
}
