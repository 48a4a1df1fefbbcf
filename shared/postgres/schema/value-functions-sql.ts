/**
 * The functions that check constraints are made of: what text, addresses and currencies are, as shared/values has it. A
 * migration has what this prints; a test compares the functions of the database with it. (A function that a constraint
 * calls may get another body: rows that are there are looked at again when they are written.)
 */
import { emailPattern, INVISIBLE, inPostgres, noneOf, webAddressPattern, whiteSpace } from "../../values/characters.ts";
import { CURRENCIES } from "../../values/currencies.ts";
import { MAX_LEVELS } from "../../values/json.ts";
import { LARGEST_EXPONENT, MAX_DIGITS, SMALLEST_EXPONENT } from "../../values/json-numbers.ts";
import { literal } from "./quoting.ts";

const grantees = "'{authenticated, service_role}'";

/**
 * A function of constraints, which run with the rights of whoever writes: everybody who writes may call it. Its body is an
 * expression, in which names are looked up when it is made: as a text it would be read by the writer, to whom the schema is
 * closed.
 */
const checking = (signature: string, types: string, returns: string, body: string): string =>
  [
    `create or replace function switchyard.${signature} returns ${returns}`,
    "language sql immutable parallel safe set search_path = ''",
    `return ${body};`,
    `select switchyard.seal_function('switchyard.${types}', ${grantees});`,
  ].join("\n");

/** Wrapped, because a line of thousands of characters is no line. */
function wrapped(entries: readonly string[]): string {
  const lines: string[] = [];
  for (const entry of entries) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + entry.length < 110) lines[lines.length - 1] = `${last}, ${entry}`;
    else lines.push(entry);
  }
  return `\n    ${lines.join(",\n    ")}\n  `;
}

const escaped = (codePoints: readonly number[]): string =>
  `E'${codePoints.map((codePoint) => `\\u${codePoint.toString(16).padStart(4, "0")}`).join("")}'`;

const JSON_TEXT = `-- JSON that MongoDB keeps exactly, too: at most ${MAX_LEVELS} levels, numbers of at most ${MAX_DIGITS} digits within Decimal128's
-- exponents. Null at the top is no value; a column holds SQL's instead. The size comes first, and the depth before what goes
-- down to the end; that only where so many digits stand together somewhere, be it in a text.`;

const jsonCondition = `case
    when octet_length(value::text) > max_bytes or jsonb_typeof(value) = 'null' then false
    when jsonb_path_exists(value, 'strict $.**{${MAX_LEVELS}} ? (@.type() == "object" || @.type() == "array")') then false
    when value::text !~ '[0-9.]{${MAX_DIGITS + 1}}' then true
    else not exists (
      select from jsonb_path_query(value, 'strict $.** ? (@.type() == "number")') as j(item),
        lateral (select trim_scale(abs((j.item #>> '{}')::numeric)) as size) n
      where char_length(btrim(replace(n.size::text, '.', ''), '0')) > ${MAX_DIGITS}
        or n.size >= 1e${LARGEST_EXPONENT + 1} or scale(n.size) > ${-SMALLEST_EXPONENT}
    )
  end`;

export function valueFunctionsSql(): string {
  const decimals = [...CURRENCIES].map(([code, { decimals }]) => `"${code}": ${decimals}`);
  const ends = [...CURRENCIES].flatMap(([code, { until }]) => (until === undefined ? [] : [`"${code}": "${until}"`]));
  return [
    "-- Trimmed of the white space that JavaScript trims, and either empty or with something in it that a reader sees.",
    checking(
      "is_text(value text, min_length int, max_length int)",
      "is_text(text, int, int)",
      "boolean",
      `char_length(value) between min_length and max_length
    and value = btrim(value, ${escaped(whiteSpace())})
    and (value = '' or value ~ ${literal(noneOf(INVISIBLE, inPostgres))})`,
    ),
    "-- An e-mail address, international ones too.",
    checking("is_email(value text)", "is_email(text)", "boolean", `value ~ ${literal(emailPattern(inPostgres))}`),
    "-- The address of a page or a file, http or https.",
    checking(
      "is_web_address(value text)",
      "is_web_address(text)",
      "boolean",
      `value ~ ${literal(webAddressPattern(inPostgres))}`,
    ),
    "-- Labels: one level of array, each a text that is not empty, none twice.",
    checking(
      "are_tags(tags text[], max_items int, max_length int)",
      "are_tags(text[], int, int)",
      "boolean",
      `coalesce(array_ndims(tags), 1) = 1
    and cardinality(tags) <= max_items
    and not exists (
      select from unnest(tags) as t(tag) where t.tag is null or not switchyard.is_text(t.tag, 1, max_length)
    )
    and cardinality(tags) = (select count(distinct t.tag collate "C") from unnest(tags) as t(tag))`,
    ),
    JSON_TEXT,
    checking("is_json(value jsonb, max_bytes int)", "is_json(jsonb, int)", "boolean", jsonCondition),
    "-- How many decimals an amount of that currency has; null for what is none.",
    checking(
      "currency_decimals(code text)",
      "currency_decimals(text)",
      "int",
      `('{${wrapped(decimals)}}'::jsonb ->> code)::int`,
    ),
    "-- The last day of a currency that has ended; null for the others.",
    checking("currency_end(code text)", "currency_end(text)", "date", `('{${wrapped(ends)}}'::jsonb ->> code)::date`),
    "-- Null, which a constraint lets pass, for a currency that is not known: another constraint refuses that one.",
    checking(
      "fits_currency(amount numeric, code text)",
      "fits_currency(numeric, text)",
      "boolean",
      "amount = round(amount, switchyard.currency_decimals(code))",
    ),
  ].join("\n\n");
}
