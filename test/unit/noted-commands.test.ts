/** Whether a command changes anything is said of each, so that none is left out of the audit by mistake. */
import { expect, test } from "vitest";
import { COMMANDS } from "../../scripts/commands/index.ts";
import { CHANGING } from "../../scripts/commands/noted.ts";

/** The doctor makes a user of its own, and takes it away; alerts are told of what is found. */
const LOOKING = [
  ...["alerts check", "alerts list", "alerts test"],
  ...["backup drill", "backup list", "backup verify", "collection sql", "databases", "deploy status", "doctor"],
  ...["health", "homes moves status", "import status", "ledger check", "logs", "migrate status"],
  ...["replication status", "replication verify", "stats"],
];

test("every command either changes something, and stands in the audit, or only looks", () => {
  expect([...CHANGING, ...LOOKING].sort()).toEqual(COMMANDS.map(({ name }) => name).sort());
});
