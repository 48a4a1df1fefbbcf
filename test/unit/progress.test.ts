/** How far a long command has come: a bar for somebody who watches, lines for everybody else. */
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { createProgress } from "../../scripts/commands/progress.ts";

function terminal() {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 120, rows: 40 });
  let text = "";
  stream.on("data", (bytes) => {
    text += bytes;
  });
  return { stream: stream as unknown as NodeJS.WriteStream, shown: () => stripVTControlCharacters(text) };
}

test("lines say how many of how many, and of what", () => {
  const lines: string[] = [];
  const progress = createProgress({ out: (line) => lines.push(line) });
  progress.at("customers", 0, 200);
  progress.say("customers: waits");
  progress.at("customers", 50, 200);
  progress.end();
  expect(lines).toEqual([
    expect.stringMatching(/^customers: 0 of 200 \(0 %\)$/),
    "customers: waits",
    expect.stringMatching(/^customers: 50 of 200 \(25 %\), \d+ rows a second, \d+ s left$/),
  ]);
});

test("on a terminal there is a bar for each of them, and what is said stands between", () => {
  const lines: string[] = [];
  const { stream, shown } = terminal();
  const progress = createProgress({ out: (line) => lines.push(line), terminal: stream });
  progress.at("customers", 0, 200);
  progress.at("customers", 100, 200);
  progress.say("customers: waits");
  progress.at("payments", 10, 10);
  progress.end();
  expect(lines).toEqual(["customers: waits"]);
  expect(shown()).toMatch(/customers █+░+ .*100 of 200 \(50 %\), \d+ rows a second, \d+ s left/);
  expect(shown()).toMatch(/payments █+ 10 of 10 \(100 %\)/);
});
