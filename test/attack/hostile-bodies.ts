/** Bodies that no client of good will sends, by what is wrong with them. All are refused. */
type Bytes = string | Uint8Array;

const bytes = (...all: (string | number[])[]): Uint8Array =>
  Buffer.concat(all.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));
const nested = (depth: number, open: string, close: string, inside = "") =>
  open.repeat(depth) + inside + close.repeat(depth);
/** An expense with one more member, written by hand: JSON.stringify writes no key twice. */
const withMember = (member: string) => `{"amount":"1.00","currency":"EUR","date":"2026-03-14",${member}}`;

/** For `POST /api/expenses`: no record, whatever field it goes for. */
export const refusedBodies: Readonly<Record<string, Bytes>> = {
  nothing: "",
  spaces: "   ",
  "half a value": '{"amount":',
  "a number": "1",
  "a text": '"$where"',
  null: "null",
  "a list of expenses": `[${withMember('"tags":[]')}]`,
  "two values": `${withMember('"tags":[]')}{}`,
  JSON5: "{amount:'1'}",
  "a comment": withMember('/**/"tags":[]'),
  "not a number": withMember('"tags":NaN'),

  "an operator in the first place": '{"$set":{"amount":"1"}}',
  "an operator beside the fields": withMember('"$where":"sleep(1000)"'),
  "an operator for a value": '{"amount":{"$gt":""},"currency":"EUR","date":"2026-03-14"}',
  "an operator for a reference": withMember('"category_id":{"$ne":null}'),
  "an extended JSON value": '{"amount":{"$numberDecimal":"1"},"currency":"EUR","date":"2026-03-14"}',
  "a literal": withMember('"description":{"$literal":"x"}'),
  "an operator in a list": withMember('"tags":[{"$each":["x"]}]'),
  "a path into a list": withMember('"tags.0":"x"'),
  "a path of the system's": withMember('"_id.user_id":"x"'),
  "a field of the system's": withMember('"_deleted_at":null'),
  "a search text": withMember('"search_text":"x"'),
  "another owner": withMember('"user_id":"22222222-2222-4222-8222-222222222222"'),
  "a version": withMember('"version":1'),

  "a prototype": withMember('"__proto__":{"isAdmin":true}'),
  "a prototype for the whole": '{"__proto__":{"amount":"1.00","currency":"EUR","date":"2026-03-14"}}',
  "a constructor": withMember('"constructor":{"prototype":{"isAdmin":true}}'),
  "an own toString": withMember('"toString":"x"'),
  "an own hasOwnProperty": withMember('"hasOwnProperty":null'),
  "an empty key": withMember('"":"x"'),
  "a key with NUL": withMember('"a\\u0000":"x"'),
  "a key that is half a character": withMember('"\\ud800":"x"'),
  "a key twice, the last one wrong": withMember('"amount":"0"'),
  "a key twice, once with an escape": withMember('"\\u0061mount":{"$gt":0}'),

  "lists without end": nested(100_000, "[", ""),
  "deep lists": nested(100_000, "[", "]"),
  "deep lists in a field": withMember(`"description":${nested(100_000, "[", "]")}`),
  "deep lists among tags": withMember(`"tags":${nested(100_000, "[", "]")}`),
  "deep objects in a field": withMember(`"description":${nested(100_000, '{"a":', "}", "1")}`),
  "deep objects under an unknown name": withMember(`"x":${nested(100_000, '{"a":', "}", "1")}`),
  "very deep lists": nested(500_000, "[", "]"),
  "100,000 unknown fields": `{${Array.from({ length: 60_000 }, (_, i) => `"f${i}":0`).join(",")}}`,
  "a name of a megabyte": withMember(`"${"x".repeat(1_000_000)}":1`),
  "200,000 wrong tags": withMember(`"tags":[${"0,".repeat(200_000)}0]`),
  "200,000 empty tags": withMember(`"tags":[${'"",'.repeat(200_000)}""]`),

  "a number that is too large": '{"amount":1e400,"currency":"EUR","date":"2026-03-14"}',
  "an exponent": '{"amount":"1e2","currency":"EUR","date":"2026-03-14"}',
  "a megabyte of digits": `{"amount":"${"9".repeat(1_000_000)}","currency":"EUR","date":"2026-03-14"}`,
  "a megabyte of digits, no text": `{"amount":${"9".repeat(1_000_000)},"currency":"EUR","date":"2026-03-14"}`,
  "a megabyte of decimals": `{"amount":"0.${"1".repeat(1_000_000)}","currency":"EUR","date":"2026-03-14"}`,
  "16 digits before the point": '{"amount":"1000000000000000","currency":"EUR","date":"2026-03-14"}',
  "hexadecimal digits": '{"amount":"0x10","currency":"EUR","date":"2026-03-14"}',
  "other digits": '{"amount":"१२","currency":"EUR","date":"2026-03-14"}',
  infinity: '{"amount":"Infinity","currency":"EUR","date":"2026-03-14"}',
  "no number": '{"amount":"NaN","currency":"EUR","date":"2026-03-14"}',
  "minus nothing": '{"amount":"-0","currency":"EUR","date":"2026-03-14"}',
  "a number and a line": '{"amount":"1.00\\n","currency":"EUR","date":"2026-03-14"}',
  "a day that is none": '{"amount":"1","currency":"EUR","date":"2026-02-30"}',
  "a day and a line": '{"amount":"1","currency":"EUR","date":"2026-03-14\\n"}',
  "a day far away": '{"amount":"1","currency":"EUR","date":"+275760-09-13"}',
  "a currency and a line": '{"amount":"1","currency":"EUR\\n","date":"2026-03-14"}',
  "an id that is none": withMember('"id":"00000000-0000-0000-0000-00000000000g"'),
  "an id with a line": withMember('"id":"11111111-1111-4111-8111-111111111111\\n"'),

  "a text that is too long": withMember(`"description":"${"x".repeat(2001)}"`),
  "a megabyte of text": withMember(`"description":"${"x".repeat(1_000_000)}"`),
  "a text with NUL": withMember('"description":"a\\u0000b"'),
  "half a character": withMember('"description":"\\ud83d"'),
  "two halves in the wrong order": withMember('"description":"\\ude00\\ud83d"'),
  "half a character among tags": withMember('"tags":["\\udc00"]'),

  "a byte that is none in UTF-8": bytes(withMember('"description":"').slice(0, -1), [0xff], '"}'),
  "a character cut short": bytes(withMember('"description":"').slice(0, -1), [0xe2, 0x82], '"}'),
  "an overlong character": bytes(withMember('"description":"').slice(0, -1), [0xc0, 0xaf], '"}'),
  "half a character in bytes": bytes(withMember('"description":"').slice(0, -1), [0xed, 0xa0, 0x80], '"}'),
  "a character beyond Unicode": bytes(withMember('"description":"').slice(0, -1), [0xf5, 0x80, 0x80, 0x80], '"}'),
  "UTF-16": Buffer.from(`\ufeff${withMember('"tags":[]')}`, "utf16le"),
  compressed: bytes([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], "x"),
  "NUL bytes": bytes([0, 0, 0, 0]),
  "a byte more than a megabyte": " ".repeat(1024 * 1024 + 1),
};

/** For any collection, on create and on update, as one member of the body under the name of each of its fields. */
export const refusedValues: Readonly<Record<string, unknown>> = {
  "an operator": { $gt: "" },
  "a dangerous operator": { $where: "function() { while (true); }" },
  "an empty object": {},
  "a list of an operator": [{ $ne: null }],
  "a number that is no text and no count": 1.5,
  "a prototype": JSON.parse('{"__proto__":{"x":1}}'),
  "much text": "x".repeat(100_000),
};
