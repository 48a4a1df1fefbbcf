/** Chromium as Debian packs it, without the services that it would call at its start. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { HANGS_MS } from "../setup/patience.ts";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** CHROMIUM names another place of the program. */
export async function openBrowser(program = process.env.CHROMIUM): Promise<Browser> {
  const failures: string[] = [];
  for (const executablePath of program ? [program] : PLACES)
    try {
      return await chromium.launch({
        executablePath,
        timeout: HANGS_MS,
        args: [
          "--no-sandbox",
          "--disable-gpu",
          "--disable-quic",
          "--no-first-run",
          "--disable-background-networking",
          "--disable-component-update",
          "--disable-sync",
        ],
      });
    } catch (error) {
      failures.push(String(error).split("\n")[0] ?? "");
    }
  throw new Error(
    `Chromium does not start: install it (Debian: apt-get install chromium) or set CHROMIUM.\n${failures.join("\n")}`,
  );
}

/** A picture for people to look at, in SCREENSHOTS if that names a folder. */
export async function picture(page: Page, name: string, folder = process.env.SCREENSHOTS): Promise<void> {
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
