const TYPES: Record<string, number> = {
  double: 1,
  string: 2,
  object: 3,
  array: 4,
  binData: 5,
  undefined: 6,
  objectId: 7,
  bool: 8,
  date: 9,
  null: 10,
  regex: 11,
  javascript: 13,
  int: 16,
  timestamp: 17,
  long: 18,
  decimal: 19,
  minKey: -1,
  maxKey: 127,
};

const CLASSES: Record<string, string> = {
  Int32: "int",
  Long: "long",
  Double: "double",
  Decimal128: "decimal",
  Binary: "binData",
  ObjectId: "objectId",
  Timestamp: "timestamp",
  BSONRegExp: "regex",
  BSONSymbol: "symbol",
  Code: "javascript",
  MinKey: "minKey",
  MaxKey: "maxKey",
};

/** The name $type and bsonType use. */
export function typeName(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (Array.isArray(value)) return "array";
  if (value instanceof Date) return "date";
  if (value instanceof RegExp) return "regex";
  const type = (value as { _bsontype?: string })._bsontype;
  return type === undefined ? "object" : (CLASSES[type] ?? type);
}

/** Resolves an alias or a number to an alias; nothing for an unknown one. */
export function knownType(alias: string | number): string | undefined {
  if (alias === "number" || (typeof alias === "string" && alias in TYPES)) return String(alias);
  return Object.keys(TYPES).find((name) => TYPES[name] === alias);
}

export function isOfType(value: unknown, alias: string): boolean {
  const name = typeName(value);
  return name === alias || (alias === "number" && ["int", "long", "double", "decimal"].includes(name));
}
