/** A request's way to the rooms of its user. */
import type { Context } from "hono";
import { notFound } from "../shared/contract/errors.ts";
import { createMemberships, type Memberships, type Room } from "../shared/rooms/memberships.ts";
import type { AppEnv } from "./_environment.ts";
import { repositoryProblem } from "./_problem.ts";
import { callsOf, requestUser, unwrap } from "./_service.ts";

/** What one instance of the API remembers of who is where. */
export type KnownRooms = (c: Context<AppEnv>) => Memberships;

export function createKnownRooms(): KnownRooms {
  let known: Memberships | undefined;
  return (c) => {
    known ??= createMemberships(c.get("dependencies").clock);
    return known;
  };
}

/** The room, or a 404 for whoever is not in it. */
export const roomOf = async (c: Context<AppEnv>, rooms: KnownRooms, id: string, kind?: Room["kind"]): Promise<Room> => {
  const room = unwrap(await rooms(c).find(c.get("dependencies").router, requestUser(c), id));
  if (kind !== undefined && room.kind !== kind) throw repositoryProblem(notFound("There is no such room."));
  return room;
};

/** One of the functions that make rooms and say who is in them; for the user of the token. */
export async function callRooms<T = void>(c: Context<AppEnv>, name: string, parameters: object): Promise<T> {
  const { router } = c.get("dependencies");
  const called = { p_user_id: c.get("user").id, ...parameters };
  return unwrap(await router.control<T>("write", `switchyard_${name}`, called, callsOf(c)));
}

/**
 * What is shown of a record, or of a row that one of those functions answers, whose instants have an offset: the fields of
 * the shape.
 */
export const shownBy =
  <T extends object>(shape: Readonly<Record<keyof T & string, unknown>>) =>
  (row: object): T =>
    Object.fromEntries(
      Object.entries(row).flatMap(([key, value]) => {
        if (!Object.hasOwn(shape, key)) return [];
        return [[key, key.endsWith("_at") && value !== null ? new Date(value).toISOString() : value]];
      }),
    ) as T;
