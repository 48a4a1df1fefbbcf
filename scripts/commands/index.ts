/** The switchyard command line: finds the command, reads its options, and says what went wrong in words. */
import { parseArgs } from "node:util";
import { ConfigError } from "../../shared/config.ts";
import { checkAlerts, listAlerts, testAlerts } from "./alerts.ts";
import { createBackupCommand, listBackupsCommand, pruneBackupsCommand, verifyBackupCommand } from "./backup.ts";
import { drillBackupCommand } from "./backup-drill.ts";
import { restoreBackupCommand } from "./backup-restore.ts";
import { collectionSqlCommand } from "./collection.ts";
import { type Command, type ExitCode, exitCodeOf, type Given, type Io, Refused, WrongUse } from "./command.ts";
import { replicationConflicts } from "./conflicts.ts";
import { addDatabase, changeDatabase, drain, listDatabases, removeDatabase } from "./databases.ts";
import { prepareDatabase } from "./db.ts";
import { deploy, deployRollback, deployStatus } from "./deploy.ts";
import { doctor } from "./doctor.ts";
import { homes } from "./homes.ts";
import { importCommand, importStatus, importUndo } from "./import.ts";
import { checkLedger, depositLedger, postLedger, reverseLedger, voidLedger, yieldLedger } from "./ledger.ts";
import { logs } from "./logs.ts";
import { migrateDown, migrateStatus, migrateUp } from "./migrate.ts";
import { abortMoves, cleanMoves, moveHomes, movesStatus, reverseHomes } from "./moves.ts";
import { noted } from "./noted.ts";
import { demoteReplication, promoteReplication } from "./promotion.ts";
import { purge } from "./purge.ts";
import {
  backfillReplication,
  repairReplication,
  replicationStatus,
  restoreReplication,
  retryReplication,
  verifyReplication,
} from "./replication.ts";
import { health, stats } from "./stats.ts";

export const COMMANDS: readonly Command[] = [
  listDatabases,
  addDatabase,
  changeDatabase,
  drain,
  removeDatabase,
  homes,
  moveHomes,
  movesStatus,
  abortMoves,
  reverseHomes,
  cleanMoves,
  prepareDatabase,
  collectionSqlCommand,
  migrateStatus,
  migrateUp,
  migrateDown,
  importCommand,
  importStatus,
  importUndo,
  purge,
  replicationStatus,
  replicationConflicts,
  backfillReplication,
  verifyReplication,
  repairReplication,
  restoreReplication,
  retryReplication,
  promoteReplication,
  demoteReplication,
  checkLedger,
  depositLedger,
  yieldLedger,
  postLedger,
  voidLedger,
  reverseLedger,
  stats,
  health,
  listAlerts,
  checkAlerts,
  testAlerts,
  doctor,
  logs,
  deploy,
  deployStatus,
  deployRollback,
  createBackupCommand,
  listBackupsCommand,
  verifyBackupCommand,
  pruneBackupsCommand,
  restoreBackupCommand,
  drillBackupCommand,
];

/** Runs one command. */
export async function runCommand(argv: readonly string[], io: Io): Promise<ExitCode> {
  const wanted = argv.filter((word) => word !== "--");
  const command = find(wanted);
  if (!command) {
    const asksForHelp = wanted.length === 0 || ["help", "--help", "-h"].includes(wanted[0] ?? "");
    if (!asksForHelp) io.err(`There is no command "${wanted.filter((word) => !word.startsWith("-")).join(" ")}".\n`);
    (asksForHelp ? io.out : io.err)(overview());
    return asksForHelp ? 0 : 2;
  }
  try {
    const given = read(command, wanted.slice(command.name.split(" ").length));
    if (given.values.help) io.out(usage(command));
    else {
      const calling: Io = { ...io, call: io.call ?? ((words, env) => runCommand(words, { ...io, env })) };
      await noted(command, given, command.io ? await command.io(given, calling) : calling);
    }
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) for (const problem of error.problems) io.err(problem);
    else if (error instanceof Refused) io.err(error.message);
    else throw error;
    if (error instanceof WrongUse) io.err(`\n${usage(command)}`);
    return exitCodeOf(error);
  }
}

/** The command whose name has the most words in common with the call. */
function find(words: readonly string[]): Command | undefined {
  return COMMANDS.filter(({ name }) => name.split(" ").every((word, index) => words[index] === word)).sort(
    (a, b) => b.name.length - a.name.length,
  )[0];
}

function read(command: Command, args: string[]): Given {
  let parsed: { positionals: string[]; values: Record<string, unknown> };
  try {
    const options = { ...command.options, help: { type: "boolean", short: "h" } as const };
    parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new WrongUse((error as Error).message);
  }
  const given = parsed as Given;
  const { positionals: takes } = command;
  const { least, most } = typeof takes === "number" ? { least: takes, most: takes } : takes;
  const extra = given.positionals.slice(most);
  if (given.values.help) return given;
  if (extra.length > 0) throw new WrongUse(`"${extra.join(" ")}" is too much here.`);
  if (given.positionals.length < least) throw new WrongUse("A name is missing.");
  return given;
}

const call = ({ name, usage: rest }: Command) => `switchyard ${name}${rest && ` ${rest}`}`;

const usage = (command: Command) => `${call(command)}\n  ${command.about}`;

const overview = () =>
  `Usage: npm run switchyard -- <command>\n\n${COMMANDS.map(usage).join("\n")}\n\nIt works on the project that SUPABASE_URL, SUPABASE_SECRET_KEY, MONGODB_URI and DATABASE_<NAME> name; without these, on\nthe system that npm start runs on this machine.`;
