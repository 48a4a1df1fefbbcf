/** What guides name exists: every relative link, with its heading, and every command of the command line. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { COMMANDS } from "../../scripts/commands/index.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const GUIDES = [
  "README.md",
  "SECURITY.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const text = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** As GitHub makes anchors of headings. */
const anchorsOf = (file: string) =>
  [...text(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );

/** Links that lead nowhere. */
function broken(file: string, words: string): string[] {
  return [...words.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = ""]) => {
    if (/^[a-z]+:/.test(link)) return [];
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? file : normalize(join(dirname(file), path));
    if (!existsSync(join(ROOT, target))) return [link];
    return anchor === undefined || anchorsOf(target).includes(anchor) ? [] : [link];
  });
}

/** Commands that there are not: the words behind `switchyard`, as far as they are names and no values. */
function unknown(words: string): string[] {
  const names = COMMANDS.map(({ name }) => name);
  return [...words.matchAll(/npm run (?:--silent |-s )?switchyard -- ([a-z][a-z -]*[a-z])/g)]
    .map(([, call = ""]) => call.split(" --")[0] ?? "")
    .filter((call) => !names.some((name) => call === name || call.startsWith(`${name} `)));
}

test.each(GUIDES)("%s leads to what exists", (file) => expect(broken(file, text(file))).toEqual([]));
test.each(GUIDES)("%s names commands that exist", (file) => expect(unknown(text(file))).toEqual([]));
test("what does not exist is found", () => {
  expect(broken("README.md", "[a](docs/none.md) [b](#no-such-heading) [c](docs/README.md) [d](https://x)")).toEqual([
    "docs/none.md",
    "#no-such-heading",
  ]);
  expect(unknown("npm run switchyard -- homes paint --now; npm run switchyard -- homes move --balance")).toEqual([
    "homes paint",
  ]);
});
