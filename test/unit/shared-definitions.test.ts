/** What definitions of shared collections say: who reads, who writes, whose a record is, and what its fields keep together. */
import { describe, expect, test } from "vitest";
import { sharedCollections } from "../../shared/collections/index.ts";
import {
  type Collection,
  defineCollection,
  home,
  memberOf,
  owner,
  pinned,
  readBy,
  replicated,
  userFieldOf,
} from "../../shared/definition/define.ts";
import { author, boolean, optional, text, url, uuid, withDefault } from "../../shared/definition/fields.ts";
import { oneAtLeast, problemsOf } from "../../shared/definition/rules.ts";
import { ruleConditions } from "../../shared/mongo/rules.ts";

const define = (more: object) =>
  defineCollection({
    ...{ name: "notes", title: "note of a test", placement: pinned("supabase"), scope: owner() },
    ...{ fields: { room_id: uuid() } },
    ...more,
  } as never) as unknown as Collection;

describe("addresses", () => {
  test.each([
    "https://example.org",
    "HTTP://EXAMPLE.org/a%20b?c=d#e",
    "http://127.0.0.1:3000/x",
    "https://bücher.example/ä",
    "https://[::1]/",
  ])("%s is one", (address) => expect(url().schema.parse(` ${address} `)).toBe(address));

  test.each([
    "",
    "example.org",
    "//example.org",
    "ftp://example.org",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://",
    "https:///x",
    "https://a b",
    "https://a/\nb",
    'https://a/"b"',
    "https://a/<b>",
    " javascript://x/%0aalert(1)",
    "https://[x",
    `https://a/${"x".repeat(2_000)}`,
  ])("%j is none", (address) => expect(url().schema.safeParse(address).success).toBe(false));
});

describe("one of several fields", () => {
  const rules = [oneAtLeast("content", ["file_url"], { unless: "is_deleted" })];
  const fields = { content: optional(text(10)), file_url: optional(url()), is_deleted: withDefault(boolean(), false) };
  const none = { content: null, file_url: null, is_deleted: false };

  test.each([
    [none, ["content"]],
    [{ ...none, content: "x" }, []],
    [{ ...none, file_url: "x" }, []],
    [{ ...none, is_deleted: true }, []],
    // a part decides nothing
    [{ content: null }, []],
  ])("%j: %j", (values, at) => expect(problemsOf(rules, values).map(({ field }) => field)).toEqual(at));

  test("is a condition of an update that takes one of them away", () => {
    const collection = define({ fields, rules });
    expect(ruleConditions(collection, { content: null })).toEqual([
      { $or: [{ file_url: { $ne: null } }, { is_deleted: true }] },
    ]);
    expect(ruleConditions(collection, { content: null, file_url: null, is_deleted: false })).toEqual([{ $or: [] }]);
    for (const fine of [{ content: "x" }, { content: null, file_url: "x" }, { ...none, is_deleted: true }, {}])
      expect(ruleConditions(collection, fine)).toEqual([]);
    expect(ruleConditions(collection, { is_deleted: false })).toEqual([
      { $or: [{ content: { $ne: null } }, { file_url: { $ne: null } }] },
    ]);
  });
});

describe("whose a record is", () => {
  test("its author's, or the room's", () => {
    const fields = { sender_id: author() };
    expect(userFieldOf(define({ scope: memberOf("members", "room_id", "sender_id"), fields }))).toBe("sender_id");
    expect(userFieldOf(define({ scope: memberOf("members", "room_id"), fields: {} }))).toBe("room_id");
  });

  test("read by another field, it is the same record", () => {
    const messages = sharedCollections.group_messages as unknown as Collection;
    const view = readBy(messages, "sender_id");
    expect([view.name, view.placement, view.scope]).toEqual([messages.name, messages.placement, owner("sender_id")]);
    expect(Object.keys(view.fields).sort()).toEqual(["channel_id", "content", "edited_at", "file_url", "is_deleted"]);
    expect(view.usersMay).toEqual([]);
  });

  test("a definition that contradicts itself does not load", () => {
    expect(() => define({ scope: memberOf("members", "room_id", "sender_id"), fields: {} })).toThrow("author()");
    expect(() => define({ readers: { members: "members", field: "nothing" } })).toThrow("no field nothing");
    for (const placement of [home(), pinned("supabase"), replicated("mongodb", "reads-and-writes")])
      expect(() => define({ placement, scope: owner(), keptDays: 1 })).toThrow('pinned("mongodb")');
  });
});
