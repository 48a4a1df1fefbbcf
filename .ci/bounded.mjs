// node .ci/bounded.mjs SECONDS OUTPUT COMMAND...: runs the command, its output also in the file OUTPUT, and ends with its
// exit code; or, when it takes longer, ends it with all that it has started, also what leads a process group of its own
// (`timeout` leaves those behind), and ends with 124.
import { execFileSync, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";

const [seconds, output, command, ...args] = process.argv.slice(2);
const GRACE_MS = 20_000;
const CUT_OFF = 124;

const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
const file = createWriteStream(output);
for (const stream of ["stdout", "stderr"])
  child[stream].on("data", (chunk) => {
    process[stream].write(chunk);
    file.write(chunk);
  });

/** The child and everything below it, as the table of processes has it now. */
function family(known) {
  const table = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" });
  const found = new Set(known);
  const rows = table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const [pid, parent] of rows) if (found.has(Number(parent))) found.add(Number(pid));
  }
  const living = new Set(rows.filter(([, , state]) => !state.startsWith("Z")).map(([pid]) => Number(pid)));
  return [...found].filter((pid) => living.has(pid));
}
function send(signal, pids) {
  for (const pid of pids)
    try {
      process.kill(pid, signal);
    } catch {
      // it has ended by itself
    }
}

function cutOff() {
  const all = family([child.pid]);
  send("SIGTERM", all);
  setTimeout(() => {
    send("SIGKILL", family(all));
    process.exit(CUT_OFF);
  }, GRACE_MS);
  child.removeListener("close", ended);
}
const timer = setTimeout(cutOff, Number(seconds) * 1_000);
function ended(code) {
  clearTimeout(timer);
  process.exitCode = code ?? 1;
  file.end();
}
child.on("close", ended);
child.on("error", (error) => {
  console.error(error.message);
  ended(127);
});
