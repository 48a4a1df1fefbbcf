import { defineConfig } from "vitest/config";
import "./scripts/node-version.mjs";
import { pathAsked } from "./test/setup/path.ts";
import { patience } from "./test/setup/patience.ts";
import { reporters } from "./test/setup/reporters.ts";

// of those that SWITCHYARD_PATH=direct makes another way to Supabase's Postgres for
const direct = ["test/outage/{outage,blinks,lost-answer,rounds}.test.ts"];

/** `npm run test:failure`: real servers that die and return. One file after the other: they share the servers. */
export default defineConfig({
  test: {
    include: pathAsked() === "direct" ? direct : ["test/outage/**/*.test.ts"],
    globalSetup: ["test/outage/setup.ts"],
    setupFiles: ["test/setup/watch-leaks.ts"],
    fileParallelism: false,
    ...patience,
    ...reporters(),
  },
});
