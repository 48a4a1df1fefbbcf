/** What axe finds wrong with a page for those who do not see it, or use no mouse. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";

const source = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** One line for each fault, with the place; the page is in the last of the schemes after it. */
export async function faultsOf(
  page: Page,
  schemes: readonly ("dark" | "light")[] = ["dark", "light"],
): Promise<string[]> {
  const faults: string[] = [];
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme });
    // not by a script element: the page's policy runs none but its own
    await page.evaluate(await source);
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
    );
    for (const { id, nodes } of violations)
      for (const { target, failureSummary } of nodes)
        faults.push(`${colorScheme} ${id} ${target.join(" ")}: ${failureSummary ?? ""}`);
  }
  return faults;
}
