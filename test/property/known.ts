/** Histories whose answers once differed: short enough to say what is meant, and run with every test. */
import type { Operation } from "./operations.ts";

const booking = { owner: 0, collection: "bookings", call: "create", id: 0, isGiven: true, hash: undefined } as const;
const body = [
  ["title", "Room"],
  ["starts_at", "2026-01-31T23:30:00.123Z"],
  ["seats", 1],
  ["price", "1"],
  ["currency", "EUR"],
] as const;

export const known: readonly { name: string; steps: readonly Operation[] }[] = [
  {
    name: "every missing reference is named, not only the first",
    steps: [
      { ...booking, body: [...body, ["contact_id", { slot: 3 }], ["category_id", { slot: 4 }]] },
      { ...booking, body },
      {
        ...{ owner: 0, collection: "bookings", call: "update", id: { slot: 0 }, expected: undefined },
        body: [
          ["contact_id", { slot: 3 }],
          ["category_id", { slot: 4 }],
        ],
      },
    ],
  },
  {
    name: "the id of a record that was made without a key is taken for a request with one",
    steps: [
      { ...booking, body },
      { ...booking, body, hash: "a" },
    ],
  },
];
