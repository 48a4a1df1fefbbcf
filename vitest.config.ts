import { defineConfig } from "vitest/config";
import "./scripts/node-version.mjs";
import { pathAsked } from "./test/setup/path.ts";
import { patience } from "./test/setup/patience.ts";
import { reporters } from "./test/setup/reporters.ts";

const shared = {
  globalSetup: ["test/setup/global.ts"],
  setupFiles: ["test/setup/patient-deadlines.ts", "test/setup/watch-leaks.ts"],
  ...patience,
};

// Where SWITCHYARD_PATH=direct, the APIs of the tests speak to Supabase's Postgres by its own protocol, as a deployment with
// DATABASE_URL does: a run of the files that differ by that, through the API or a router, and no others.
const direct = [
  "test/attack/{input,contention,deleted-user}.test.ts",
  "test/integration/{api-homes,isolation-api,calls-per-request,router,moved-home,pinned,replicated,json-homes,rooms-direct,rooms-groups,rooms-profiles,rooms-account,ledger-api,overview-api}.test.ts",
  "test/failure/{cold-instance,deadlines,full-pool,replicated-down,router-down}.test.ts",
];
const everything = [
  "test/{contract,integration,attack,property,replication,moves,backups,imports,data-migrations,servers}/**/*.test.ts",
  "test/failure/postgres-direct.test.ts",
];

// `embedded` is `npm test`: nothing but node_modules. `servers` is `npm run test:servers`: the same contract and
// integration files, and those that need a real server, against servers given by URL.
export default defineConfig({
  test: {
    ...reporters(),
    // more than cores: files wait as much as they compute
    maxWorkers: 3,
    projects: [
      {
        test: {
          ...shared,
          name: "embedded",
          include: [
            "test/{unit,contract,integration,failure,attack,property,replication,moves,staged,backups,imports,data-migrations}/**/*.test.ts",
          ],
          exclude: [
            // their thousands of calls say more on real servers, with a hosted project's roles and default privileges
            "test/attack/{rest,input,contention}.test.ts",
            "test/integration/{mongo-reference-storm,isolation-api}.test.ts",
            // and so do moves that are interrupted at every step, and those of many users
            "test/moves/{interrupted,balance,late,kept-copies}.test.ts",
            // what differs between two of one kind, real servers show
            "test/contract/mongo-second.test.ts",
            // a snapshot over a direct URL
            "test/backups/{create*,incremental,restore*,row-text,under-load}.test.ts",
            // PGlite would take an hour for as many, and for what is killed at every step
            "test/imports/{ten-thousand,killed,misfits}.test.ts",
            // PGlite speaks to one client, in its own process
            "test/{contract,attack,failure}/postgres-{direct,data-plane}*.test.ts",
          ],
        },
      },
      {
        test: {
          ...shared,
          name: "servers",
          include: pathAsked() === "direct" ? direct : everything,
          // `npm start` with nothing but the embedded databases
          exclude: ["test/integration/start*.test.ts"],
        },
      },
    ],
  },
});
