/** What a command of the command line is, and how it says no. */
import type { ParseArgsOptionsConfig } from "node:util";
import type { Result } from "neverthrow";
import type { Environment } from "../../shared/config.ts";
import type { RepositoryError } from "../../shared/contract/errors.ts";

/** 0 done, 1 failed, 2 wrongly called, 3 done but for some, whom it names. */
export type ExitCode = 0 | 1 | 2 | 3;

export interface Io {
  env: Environment;
  out: (line: string) => void;
  err: (line: string) => void;
  /** where somebody watches, and nothing else is written meanwhile */
  terminal?: NodeJS.WriteStream | undefined;
  /** asks somebody a question that is answered by yes or no; absent where nobody sits */
  ask?: ((question: string) => Promise<boolean>) | undefined;
  /** true from when somebody has asked for an end (Ctrl-C) on; from the first call on, the first time is not the end itself */
  isInterrupted?: (() => boolean) | undefined;
  /** runs another command of this command line, on that environment: its exit code */
  call?: ((words: readonly string[], env: Environment) => Promise<ExitCode>) | undefined;
}

export interface Given {
  positionals: readonly string[];
  values: Readonly<Record<string, string | boolean | undefined>>;
}

export interface Command {
  /** one or two words */
  name: string;
  /** what follows the name */
  usage: string;
  about: string;
  options: ParseArgsOptionsConfig;
  /** how many words it takes after its name */
  positionals: number | { least: number; most: number };
  /** where it works on another system than the one that the shell names: what it is run, and noted, with */
  io?(given: Given, io: Io): Promise<Io>;
  run(given: Given, io: Io): Promise<void>;
}

/** Ends the command with these sentences and a failure. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** Wrongly called: the usage is shown, too. */
export class WrongUse extends Refused {}

/** It is done, and some were left out of it: a script is not to take that for all of them. */
export class LeftSomeOut extends Refused {}

export const exitCodeOf = (error: unknown): ExitCode =>
  error instanceof WrongUse ? 2 : error instanceof LeftSomeOut ? 3 : 1;

/** The value, or the error's own sentence as the end of the command. */
export function orRefuse<T>(result: Result<T, RepositoryError>): T {
  if (result.isErr()) throw new Refused(result.error.message);
  return result.value;
}

export const JSON_OPTION = { json: { type: "boolean" } } as const satisfies ParseArgsOptionsConfig;

export const json = (value: unknown) => JSON.stringify(value, null, 2);

/** Rows under their headings, in columns. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
