/**
 * The homes beside Supabase's own Postgres, as the environment's variables name them: DATABASE_<NAME>=<url>, where the scheme
 * tells the engine. Platforms set variables that begin like that for what is nobody's home (DATABASE_HOST,
 * DATABASE_PASSWORD, DATABASE_POOL_SIZE), so it takes the URL of an engine to make one.
 */
import { DEFAULT_DEADLINES } from "../deadlines.ts";
import { ENGINES, type Engine } from "../repository/database.ts";
import { CONTROL_PLANE, variableOf } from "./database-names.ts";

/** A home beside Supabase's own Postgres, as a variable names it. */
export interface ConfiguredDatabase {
  /** of its row in `switchyard.databases` */
  readonly name: string;
  readonly kind: Engine;
  readonly url: string;
  /** where it is configured, for sentences that name the fix */
  readonly variable: string;
}

/** How the URL of each engine begins. */
export const SCHEMES: Readonly<Record<Engine, RegExp>> = {
  postgres: /^postgres(ql)?:\/\/.+/,
  mongodb: /^mongodb(\+srv)?:\/\/.+/,
};

const PREFIX = "DATABASE_";
const MONGODB = "mongodb";
const NAME = /^[A-Z][A-Z0-9_]{0,40}$/;
const URL_OF_ANYTHING = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Why no home can have this name: its variable says something else already. Undefined when one can. */
export function reservedName(name: string): string | undefined {
  const variable = variableOf(name);
  const taken = "Take another name.";
  // beside DATABASE_URL, platforms set variables that go on with _ (Neon's integration: DATABASE_URL_UNPOOLED)
  if (/^url(_|$)/.test(name))
    return `No database can be named "${name}": ${PREFIX}URL is the direct way to Supabase's own Postgres, and platforms set ${PREFIX}URL_... beside it. ${taken}`;
  if (variable in DEFAULT_DEADLINES)
    return `No database can be named "${name}": ${variable} says how long something may take. ${taken}`;
  return undefined;
}

/**
 * `mongodb` of MONGODB_URI first, then those of DATABASE_<NAME> by name. What is wrong with them is added to the problems, a
 * sentence each. Whether a URL can be read is its driver's to say, when that home is called: one that is mistyped is no
 * reason to refuse the users of all others.
 */
export function databasesIn(named: Readonly<Record<string, string>>, problems: string[]): ConfiguredDatabase[] {
  const found: ConfiguredDatabase[] = [];
  const add = (variable: string, name: string, url: string) => {
    const kind = ENGINES.find((engine) => SCHEMES[engine].test(url));
    // two homes in one database would purge one another's records
    const same = found.find((each) => each.url === url);
    if (!kind) problems.push(`${variable} must be a URL that begins with mongodb://, mongodb+srv:// or postgres://.`);
    else if (same)
      problems.push(`${variable} is the same database as ${same.variable}: each home needs one of its own.`);
    else found.push({ name, kind, url, variable });
  };
  // one that is no URL of MongoDB's has been named by the schema
  if (named.MONGODB_URI && SCHEMES.mongodb.test(named.MONGODB_URI)) add("MONGODB_URI", MONGODB, named.MONGODB_URI);
  // the control plane by another name, as platforms set it: no home of its own
  const own = [named.DATABASE_URL, named.SUPABASE_DB_URL];
  for (const [variable, url] of Object.entries(named).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!variable.startsWith(PREFIX) || !URL_OF_ANYTHING.test(url) || own.includes(url)) continue;
    const given = variable.slice(PREFIX.length);
    const name = given.toLowerCase();
    if (reservedName(name) !== undefined) continue;
    if (name === CONTROL_PLANE)
      problems.push(
        "DATABASE_SUPABASE is not needed: SUPABASE_URL is that home, and DATABASE_URL the direct way to its Postgres.",
      );
    else if (name === MONGODB) {
      if (named.MONGODB_URI !== url)
        problems.push("DATABASE_MONGODB and MONGODB_URI both configure the home mongodb: set one of them.");
    } else if (!NAME.test(given))
      problems.push(
        `${variable} names no home: after DATABASE_ comes a capital letter, and at most 40 more, digits and _ among them.`,
      );
    else add(variable, name, url);
  }
  return found;
}
