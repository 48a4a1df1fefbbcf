/** The stand-in for MongoDB, as a part. */
import { startStandIn } from "../mongo-stand-in/index.ts";
import type { StartPart } from "../part-main.ts";

interface StandInOptions {
  readonly port: number;
  readonly file: string;
}

export interface StandInStarted {
  readonly uri: string;
  readonly port: number;
}

export const start: StartPart<StandInOptions, StandInStarted> = async (options) => {
  const { uri, port, stop } = await startStandIn(options);
  return { started: { uri, port }, stop };
};
