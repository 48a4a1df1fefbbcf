/** Loaded before an entry point: says what is needed where Node is too old to read TypeScript. Plain JavaScript, therefore. */
const NEEDED = 24;

if (Number(process.versions.node.split(".")[0]) < NEEDED) {
  console.error(
    `Switchyard runs on Node ${NEEDED} or newer, and this is ${process.version}: run npm install again, without ` +
      `--omit=optional or --ignore-scripts (it brings Node for Linux, macOS and Windows), or install Node ${NEEDED}.`,
  );
  process.exit(1);
}
