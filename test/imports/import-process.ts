/** A process that imports, or takes back, and kills itself where it is told to. */
import { type Told, work } from "./work.ts";

export interface ToldToDie extends Told {
  /** at which of the times that it comes to that step, from 1 */
  dies: { step: string; time: number };
}

const told = JSON.parse(process.argv[2] ?? "") as ToldToDie;
let time = 0;
await work(process.env, told, (step) => {
  if (step === told.dies.step && ++time === told.dies.time) process.kill(process.pid, "SIGKILL");
});
