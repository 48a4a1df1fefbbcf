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
const second = [["title", "Other room"], ["seats", 2], body[1], body[3], body[4]] as const;
const changes = { owner: 0, collection: "bookings", call: "update", id: { slot: 0 }, expected: undefined } as const;
const deletes = { owner: 0, collection: "bookings", call: "delete", expected: undefined } as const;

export const known: readonly { name: string; steps: readonly Operation[] }[] = [
  {
    name: "every missing reference is named, not only the first",
    steps: [
      { ...booking, body: [...body, ["contact_id", { slot: 3 }], ["category_id", { slot: 4 }]] },
      { ...booking, body },
      {
        ...changes,
        body: [
          ["contact_id", { slot: 3 }],
          ["category_id", { slot: 4 }],
        ],
      },
    ],
  },
  {
    name: "a reference to the record itself is not among those that are missing",
    steps: [{ ...booking, body: [...body, ["contact_id", { slot: 3 }], ["follows_id", { slot: 0 }]] }],
  },
  {
    name: "a record that refers to itself is made, changed and deleted",
    steps: [
      { ...booking, body: [...body, ["follows_id", { slot: 0 }]] },
      { ...changes, body: [["seats", 3]] },
      { ...changes, body: [["follows_id", null]] },
      { ...changes, body: [["follows_id", { slot: 0 }]] },
      { ...deletes, id: { slot: 0 } },
    ],
  },
  {
    name: "records that refer to each other keep each other",
    steps: [
      { ...booking, body },
      { ...booking, id: 1, body: [...second, ["follows_id", { slot: 0 }]] },
      { ...changes, body: [["follows_id", { slot: 1 }]] },
      { ...deletes, id: { slot: 0 } },
      { ...deletes, id: { slot: 1 } },
      { ...changes, body: [["follows_id", { slot: 0 }]] },
      { ...deletes, id: { slot: 1 } },
      { ...deletes, id: { slot: 0 } },
    ],
  },
  {
    name: "records that were made a moment ago can be led to each other",
    steps: [
      { ...booking, id: 2, body: [["title", "Third room"], ["seats", 9], body[1], body[3], body[4]] },
      { ...booking, body: [...body, ["follows_id", { slot: 2 }]] },
      { ...booking, id: 1, body: [...second, ["follows_id", { slot: 2 }]] },
      { ...changes, body: [["follows_id", { slot: 1 }]] },
      { ...changes, id: { slot: 1 }, body: [["follows_id", { slot: 0 }]] },
      { ...deletes, id: { slot: 0 } },
      { ...deletes, id: { slot: 2 } },
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
