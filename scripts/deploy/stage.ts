/** What a stage of a deployment is, and what it works with. */
import type { Environment } from "../../shared/config.ts";
import type { Cli } from "./cli.ts";
import type { EnvironmentName } from "./environments.ts";
import type { DeployState } from "./state.ts";

export interface Options {
  /** lets a migration take away what older code may use */
  contract: boolean;
  /** why there is no backup before it */
  withoutBackup: string | null;
  /** how long the new version is watched */
  watchMs: number;
  /** how long one call of a command line may take */
  stepMs: number;
}

export interface Deployment {
  root: string;
  /** where what is remembered of deployments is kept */
  folder: string;
  environment: EnvironmentName;
  env: Environment;
  options: Options;
  cli: Cli;
  /** another command of this command line, for this environment: its exit code */
  command: (words: readonly string[]) => Promise<number>;
  say: (line: string) => void;
  isInterrupted: () => boolean;
  state: DeployState;
  /** keeps what a stage has found out, at once */
  note: (found: Partial<DeployState>) => Promise<void>;
}

export interface Stage {
  name: string;
  about: string;
  /** of which environments it is a part */
  of: readonly EnvironmentName[];
  /** Begun again when it was killed: whatever it does can be done twice. What it resolves with is shown. Throws `Refused`. */
  run(deployment: Deployment): Promise<string>;
}
