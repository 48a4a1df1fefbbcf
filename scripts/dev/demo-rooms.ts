/** What demo users say to each other: profiles, a conversation of two, and a server with a channel. */

/** One request of one of them; `{name}` in a path or a body is what an earlier one has remembered. */
export interface RoomStep {
  /** whose, by their place among the people */
  readonly by: number;
  readonly method: "PUT" | "POST" | "GET";
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  /** under what names to remember parts of the answer, each by its path in it */
  readonly keep?: Readonly<Record<string, string>>;
}

const TALK = [
  [0, "Did the order of lamps arrive?"],
  [1, "This morning, all twelve. One box is dented, I am looking at it now."],
  [0, "Thank you! Send me a picture if it has to go back."],
  [1, "The lamp is fine. I have put it in the window."],
] as const;
const CHANNEL = [
  [1, "Welcome, everybody. Market days stand in the calendar."],
  [2, "I can take the stall on Saturday."],
  [0, "Then I bring the flowers."],
] as const;

/** In their order, each by what comes before it. `user:0` and so on are the ids of the people. */
export function demoRooms(names: readonly [string, string, string]): RoomStep[] {
  const say = (room: string, [by, content]: readonly [number, string]): RoomStep => ({
    by,
    method: "POST",
    path: `/api/rooms/{${room}}/messages`,
    body: { content },
  });
  return [
    ...names.map((name, by): RoomStep => ({ by, method: "PUT", path: "/api/profile", body: { name } })),
    {
      by: 0,
      method: "POST",
      path: "/api/conversations",
      body: { user_ids: ["{user:1}"] },
      keep: { conversation: "id" },
    },
    ...TALK.map((line) => say("conversation", line)),
    {
      by: 1,
      method: "POST",
      path: "/api/servers",
      body: { name: "Saturday market" },
      keep: { server: "id", code: "invite_code" },
    },
    ...[0, 2].map(
      (by): RoomStep => ({ by, method: "POST", path: "/api/servers/join", body: { invite_code: "{code}" } }),
    ),
    { by: 1, method: "GET", path: "/api/servers/{server}/channels", keep: { channel: "items.0.id" } },
    ...CHANNEL.map((line) => say("channel", line)),
  ];
}

/** What stands for `{name}`s. */
export const filledIn = <T>(value: T, known: ReadonlyMap<string, string>): T =>
  JSON.parse(JSON.stringify(value).replace(/\{([a-z:0-9]+)\}/g, (whole, name: string) => known.get(name) ?? whole));

/** The part of an answer at that path, such as `items.0.id`. */
export const partOf = (answer: unknown, path: string): string =>
  String(path.split(".").reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], answer));
