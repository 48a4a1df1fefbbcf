// node .ci/count.mjs REPORT FAILURES: prints `passed failed skipped` of vitest's JSON report, a file that could not be
// loaded counting as one failure, and adds what failed to the file FAILURES, so that the gate can show it at its end.
import { appendFileSync, readFileSync } from "node:fs";

const [report, failures] = process.argv.slice(2);
let counts = [0, 1, 0];
const lines = [];
try {
  const { testResults, numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
    readFileSync(report, "utf8"),
  );
  const broken = testResults.filter(({ status, assertionResults }) => status === "failed" && !assertionResults.length);
  counts = [numPassedTests, numFailedTests + broken.length, numPendingTests + numTodoTests];
  for (const { name, message } of broken) lines.push(`${name}\n    ${message}`);
  for (const { name, assertionResults } of testResults)
    for (const { status, fullName, failureMessages } of assertionResults)
      if (status !== "passed") lines.push(`${name}: ${fullName} (${status})\n    ${failureMessages.join("\n    ")}`);
} catch (error) {
  lines.push(`${report}: no report that can be read (${error.message})`);
}
appendFileSync(failures, lines.map((line) => `${line.slice(0, 1500)}\n`).join(""));
console.log(...counts);
