/** Puts Swagger UI's files beside our own, so that /api/docs loads nothing from elsewhere. Run by `npm run build`. */
import { copyFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const FILES = ["swagger-ui.css", "swagger-ui-bundle.js"];

const from = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
const to = join(import.meta.dirname, "..", "public", "docs");
await mkdir(to, { recursive: true });
await Promise.all(FILES.map((file) => copyFile(join(from, file), join(to, file))));
