// node .ci/effort.mjs: prints how many times slower than an ordinary machine this one is, and what part of the random draws
// goes into the gate's time there (SWITCHYARD_EFFORT). Takes the project's own Node: what it imports is TypeScript.
import { measureSlowness } from "../scripts/dev/machine-speed.ts";

/** All suites take about seventy minutes on an ordinary machine, of 87. */
const AFFORDABLE = 1.2;

/** One look is short, and a scheduler favours who comes fresh: only the later ones meet a crowd. */
const LOOKS = 12;

const looks = [];
for (let look = 0; look < LOOKS; look++) looks.push(await measureSlowness());
const slowness = looks.reduce((sum, each) => sum + each, 0) / LOOKS;
console.log(slowness.toFixed(1), slowness <= AFFORDABLE ? 1 : (AFFORDABLE / slowness).toFixed(2));
