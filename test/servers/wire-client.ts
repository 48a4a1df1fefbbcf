/** MongoDB's wire protocol without a driver: one command at a time, and the reply with the types that the server gave it. */
import { connect } from "node:net";
import { BSON, type Document } from "mongodb";

const OP_MSG = 2013;
const HEADER = 16;
/** flag bits and the kind of the one section */
const BODY = HEADER + 5;

/** Numbers stay what they are: an int, a long, a double. */
export const EXACT = { promoteValues: false, promoteLongs: false, promoteBuffers: false, bsonRegExp: true } as const;

export interface WireClient {
  send(command: Document): Promise<Document>;
  close(): void;
}

export async function wireClient(uri: string): Promise<WireClient> {
  const { hostname, port } = new URL(uri);
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  let received = Buffer.alloc(0);
  let waiting: ((reply: Document) => void) | undefined;
  let failing: ((reason: Error) => void) | undefined;
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < HEADER || received.length < received.readInt32LE(0)) return;
    const message = received.subarray(0, received.readInt32LE(0));
    received = received.subarray(message.length);
    waiting?.(BSON.deserialize(message.subarray(BODY), EXACT));
  });
  socket.on("close", () => failing?.(new Error("the server has closed the connection")));
  socket.on("error", (error) => failing?.(error));
  let requests = 0;

  return {
    send(command) {
      const body = BSON.serialize(command, { ignoreUndefined: false });
      const message = Buffer.alloc(BODY);
      message.writeInt32LE(BODY + body.length, 0);
      message.writeInt32LE(++requests, 4);
      message.writeInt32LE(OP_MSG, 12);
      return new Promise((resolve, reject) => {
        waiting = resolve;
        failing = reject;
        socket.write(Buffer.concat([message, body]));
      });
    },
    close: () => socket.destroy(),
  };
}
