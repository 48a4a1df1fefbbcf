/**
 * JSON Merge Patch (RFC 7396): objects are merged member by member, null takes a member away, and everything else takes the
 * place of what was there. Written here because values have exact numbers, which are objects to any library.
 */
import { type JsonValue, ordered } from "./json.ts";
import { isRawJSON } from "./json-numbers.ts";

type Members = Record<string, JsonValue>;

/** Neither argument is changed. Goes as deep as `patch` does, whose levels the caller has bounded. */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return patch;
  const merged = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return ordered([...merged]);
}

const isObject = (value: JsonValue | undefined): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !isRawJSON(value);
