import { Int32 } from "bson";
import { MAX_DOCUMENT_BYTES, MAX_MESSAGE_BYTES } from "../bson.ts";
import { MongoError } from "../errors.ts";
import type { Doc } from "../values/compare.ts";
import type { Command } from "./context.ts";

const VERSION = "7.0.0";
const MAX_WIRE_VERSION = 21;

/** By its looks a standalone server, as DocumentDB, and as there with transactions; but without retryable writes. */
const hello: Command = ({ name, connectionId }) => ({
  ...(name === "hello" ? { isWritablePrimary: true } : { ismaster: true, helloOk: true }),
  maxBsonObjectSize: new Int32(MAX_DOCUMENT_BYTES),
  maxMessageSizeBytes: new Int32(MAX_MESSAGE_BYTES),
  maxWriteBatchSize: new Int32(100_000),
  localTime: new Date(),
  logicalSessionTimeoutMinutes: new Int32(30),
  connectionId: new Int32(connectionId),
  minWireVersion: new Int32(0),
  maxWireVersion: new Int32(MAX_WIRE_VERSION),
  readOnly: false,
  standIn: true,
});

const buildInfo: Command = () => ({
  version: VERSION,
  versionArray: VERSION.split(".")
    .map((part) => new Int32(Number(part)))
    .concat(new Int32(0)),
  bits: new Int32(64),
  maxBsonObjectSize: new Int32(MAX_DOCUMENT_BYTES),
  standIn: true,
});

const nothing = (): Doc => ({});

const outside = (): Doc => {
  throw new MongoError(125, "The command can only be run in a transaction");
};

const endSessions: Command = ({ sessions, command }) => {
  sessions.forget(Array.isArray(command.endSessions) ? command.endSessions : []);
  return {};
};

export const handshake: Record<string, Command> = {
  hello,
  isMaster: hello,
  ismaster: hello,
  buildInfo,
  buildinfo: buildInfo,
  ping: nothing,
  endSessions,
  commitTransaction: outside,
  abortTransaction: outside,
  killSessions: nothing,
  refreshSessions: nothing,
};
