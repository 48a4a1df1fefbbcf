/**
 * `switchyard.fold` as SQL: the steps of shared/values/fold.ts, and its table. What it prints is committed in a migration;
 * test/unit/fold-sql.test.ts says when the two differ.
 */
import { FOLDED_SCRIPTS, FOLDED_TO_MANY } from "../../values/case-folding.ts";
import { literal } from "./quoting.ts";

/**
 * Most texts are done after lower() or have only a few scripts in them, so each has its own look before its letters are
 * compared one by one. lower() is under "C", where it knows ASCII and nothing else, in every version.
 */
export function foldSql(): string {
  const scripts = FOLDED_SCRIPTS.map(
    ({ script, range, from, to }) => `    -- ${script}
    if v_text ~ '[${range}]' then
      v_text := translate(v_text, ${literal(from)},
        ${literal(to)});
    end if;`,
  );
  const many = FOLDED_TO_MANY.map(([from, to]) => `    v_text := replace(v_text, ${literal(from)}, ${literal(to)});`);
  return `create or replace function switchyard.fold(p_text text, p_length int) returns text
language plpgsql immutable strict parallel safe set search_path = '' as $$
declare
  v_text text collate "C" := p_text;
begin
  if octet_length(v_text) > char_length(v_text) then
    v_text := left(regexp_replace(normalize(v_text, NFKD), '[\\u0300-\\u036f]+', '', 'g'), 3 * p_length);
${many.join("\n")}
  end if;
  v_text := lower(v_text);
  if octet_length(v_text) > char_length(v_text) then
${scripts.join("\n")}
    v_text := normalize(v_text, NFC);
  end if;
  return rtrim(left(btrim(regexp_replace(v_text, '[\\t-\\r \\u0085\\u1680\\u2028\\u2029]+', ' ', 'g')), p_length));
end
$$;`;
}
