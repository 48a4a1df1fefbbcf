/**
 * In every test file: the product's default deadlines are long ones, so that only a test that is about a deadline has
 * one, its own. A default that each test had to lengthen would be forgotten in the next test, and pass on a fast machine.
 */
import { vi } from "vitest";
import { PATIENT_DEADLINES } from "./patience.ts";

vi.mock("../../shared/deadlines.ts", async (original) => {
  const real = await original<typeof import("../../shared/deadlines.ts")>();
  const deadlinesOf: typeof real.deadlinesOf = (settings = {}) => {
    const set = Object.entries(settings).filter(([, ms]) => ms !== undefined);
    return real.deadlinesOf({ ...PATIENT_DEADLINES, ...Object.fromEntries(set) });
  };
  return { ...real, DEFAULT_DEADLINES: PATIENT_DEADLINES, deadlinesOf };
});
