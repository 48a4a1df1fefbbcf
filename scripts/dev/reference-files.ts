/** Swagger UI's files, put beside our own, so that /api/docs loads nothing from elsewhere. */
import { copyFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const FILES = ["swagger-ui.css", "swagger-ui-bundle.js"];

/** Into public/docs, where a deployment publishes them and the development system serves them. */
export async function copyReferenceFiles(): Promise<void> {
  const from = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  const to = fileURLToPath(new URL("../../public/docs", import.meta.url));
  await mkdir(to, { recursive: true });
  await Promise.all(FILES.map((file) => copyFile(join(from, file), join(to, file))));
}
