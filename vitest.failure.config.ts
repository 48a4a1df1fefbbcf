import { defineConfig } from "vitest/config";
import { patience } from "./test/setup/patience.ts";
import { reporters } from "./test/setup/reporters.ts";

/** `npm run test:failure`: real servers that die and return. One file after the other: they share the servers. */
export default defineConfig({
  test: {
    include: ["test/outage/**/*.test.ts"],
    globalSetup: ["test/outage/setup.ts"],
    setupFiles: ["test/setup/watch-leaks.ts"],
    fileParallelism: false,
    ...patience,
    ...reporters(),
  },
});
