/** Which calls a piece of a connection's bytes begins: enough to count them, for clients that send a message at a time. */

const OP_MSG = 2013;
/** What a driver sends on its own account. */
const UNASKED = /^(hello|ismaster|isMaster|endSessions)$/;

/** MongoDB's commands without those of the driver's own, requests of HTTP as `POST /path`, Postgres' texts. */
export function callsIn(bytes: Buffer): string[] {
  const [, request] = /^([A-Z]{3,7} \/\S*) HTTP\/1\.1\r\n/.exec(bytes.subarray(0, 300).toString("latin1")) ?? [];
  return request ? [request] : isQuery(bytes) ? [bytes.subarray(5, -1).toString()] : commandsIn(bytes);
}

/** Kind, length without the kind, text, NUL. */
const isQuery = (bytes: Buffer) =>
  bytes.length > 5 && bytes.toString("latin1", 0, 1) === "Q" && bytes.readInt32BE(1) === bytes.length - 1;

function commandsIn(bytes: Buffer): string[] {
  const found: string[] = [];
  // header: length, id, answer to, kind; then flags, the kind of the section, and a document: length, type, name
  for (let at = 0; at + 26 < bytes.length && bytes.readInt32LE(at + 12) === OP_MSG; at += bytes.readInt32LE(at)) {
    const name = bytes.subarray(at + 26, bytes.indexOf(0, at + 26)).toString("latin1");
    if (!UNASKED.test(name)) found.push(name);
    if (bytes.readInt32LE(at) <= 0) break;
  }
  return found;
}
