// node .ci/effort.mjs: prints how many times slower than an ordinary machine this one is, and what part of the random draws
// goes into the gate's time there (SWITCHYARD_EFFORT). Takes the project's own Node: what it imports is TypeScript.
import { measureSlowness } from "../scripts/dev/machine-speed.ts";

/** All suites take some half an hour on an ordinary machine, of 75 minutes. */
const AFFORDABLE = 2;

const slowness = await measureSlowness();
console.log(slowness.toFixed(1), slowness <= AFFORDABLE ? 1 : (AFFORDABLE / slowness).toFixed(2));
