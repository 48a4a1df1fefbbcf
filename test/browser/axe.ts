/** What axe finds wrong with a page for those who do not see it, or use no mouse; in light and in dark. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";

const source = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** One line for each fault, with the place; the page is in light again after it. */
export async function faultsOf(page: Page): Promise<string[]> {
  const faults: string[] = [];
  for (const colorScheme of ["dark", "light"] as const) {
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
