/** With SWITCHYARD_REPORT, vitest also leaves a JSON report there, from which the gate counts tests. */
export function reporters() {
  const outputFile = process.env.SWITCHYARD_REPORT;
  return outputFile ? { reporters: ["default", "json"], outputFile: { json: outputFile } } : {};
}
