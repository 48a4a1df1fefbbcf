import { defineConfig } from "vitest/config";
import "./scripts/node-version.mjs";
import { patience } from "./test/setup/patience.ts";
import { reporters } from "./test/setup/reporters.ts";

/** Pages in Chromium, against the system that `npm start` runs: `npm run test:browser`. */
export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    setupFiles: ["test/setup/watch-leaks.ts"],
    fileParallelism: false,
    ...patience,
    ...reporters(),
  },
});
