/**
 * How many requests a minute: of one user by the class of route (`reads`, `writes`, `admin`, `export`), and of one address in
 * all (`address`), which many users of a company or a mobile network share. Generous: they end floods, not use. Null: no limit.
 */
export const LIMIT_NAMES = ["reads", "writes", "admin", "export", "address"] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];
export type LimitSettings = Readonly<Record<LimitName, number | null>>;

export const WINDOW_SECONDS = 60;

const DEFAULT_LIMITS: LimitSettings = { reads: 1_200, writes: 600, admin: 240, export: 20, address: 6_000 };

/** Sign-ups of one address in an hour, as `before-user-created` counts them. */
export const DEFAULT_SIGN_UPS_PER_HOUR = 60;

/** `reads=1200,export=none`, or `none` for no limit at all; what is not named has its default. Otherwise what is wrong with it. */
export function parseLimits(text: string): LimitSettings | string {
  if (text.trim() === "none") return Object.fromEntries(LIMIT_NAMES.map((name) => [name, null])) as LimitSettings;
  const given: Record<string, number | null> = {};
  for (const part of text.split(",").filter((each) => each.trim() !== "")) {
    const [, name = "", value = ""] = /^\s*(\w+)\s*=\s*(none|[1-9]\d{0,8})\s*$/.exec(part) ?? [];
    if (!LIMIT_NAMES.some((known) => known === name))
      return `must be "none", or requests a minute such as "reads=1200,writes=600", of ${LIMIT_NAMES.join(", ")}`;
    given[name] = value === "none" ? null : Number(value);
  }
  return { ...DEFAULT_LIMITS, ...given };
}
