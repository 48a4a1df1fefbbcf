/**
 * How long tests wait. A limit is there only so that a test that hangs ends at all: none passes or fails by the speed of
 * the machine, which may be ten times slower than another one and have a dozen other programs to run.
 */
import type { DeadlineSettings } from "../../shared/deadlines.ts";

/** Whatever takes longer does not end. */
export const HANGS_MS = 15 * 60_000;

/** A single wait ends before its test does, so that what was waited for in vain is named. */
export const WAITS_MS = 0.8 * HANGS_MS;

/** For `vi.waitUntil`, `vi.waitFor` and `expect.poll`, whose own limit is a second. */
export const PATIENT = { timeout: WAITS_MS, interval: 50 } as const;

/** For every configuration of vitest. */
export const patience = { testTimeout: HANGS_MS, hookTimeout: HANGS_MS, teardownTimeout: HANGS_MS };

/** What has no deadline of the test's own has none that counts. */
export const PATIENT_DEADLINES = {
  REQUEST_DEADLINE_MS: HANGS_MS,
  EXPORT_DEADLINE_MS: HANGS_MS,
  BATCH_DEADLINE_MS: HANGS_MS,
  HOOK_DEADLINE_MS: HANGS_MS,
  DATABASE_CONNECT_MS: HANGS_MS,
} as const satisfies DeadlineSettings;

/** The same as variables, for processes. */
export const PATIENT_VARIABLES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(PATIENT_DEADLINES).map(([name, ms]) => [name, String(ms)]),
);

/** For a development Supabase: what Auth waits for a hook, 2 s and 5 s, is long there, too. */
export const PATIENT_SUPABASE = { slowness: HANGS_MS / 2_000, functionsEnv: PATIENT_VARIABLES } as const;
