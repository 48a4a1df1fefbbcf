import { defineConfig } from "vitest/config";
import "./scripts/node-version.mjs";
import { patience } from "./test/setup/patience.ts";
import { reporters } from "./test/setup/reporters.ts";

/** What can be checked of a deployment without an account: `npm run test:deploy`. */
export default defineConfig({
  test: {
    include: ["test/deploy/**/*.test.ts"],
    globalSetup: ["test/deploy/install-tools.ts"],
    fileParallelism: false,
    ...patience,
    ...reporters(),
  },
});
