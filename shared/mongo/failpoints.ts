/** Named places in writes of several steps where a test may stop the process (throw) or hold it (wait). */
export type Failpoint = (
  name: "create:inserted" | "update:written" | "delete:marked" | "delete:looked",
) => void | Promise<void>;

export const noFailpoint: Failpoint = () => {};
