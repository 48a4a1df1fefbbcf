/**
 * Processes that tests start find compiled what another has compiled before: half of what each takes to start. Imported by
 * every configuration, before workers get their environment.
 */
import { fileURLToPath } from "node:url";

process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("../../node_modules/.cache/switchyard-node", import.meta.url));
