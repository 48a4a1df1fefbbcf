/** What a server's own errors mean: whose fault they are decides between 503 and 500, and whether the breaker counts. */
import { MongoServerError } from "mongodb";
import { err, ok } from "neverthrow";
import { expect, test } from "vitest";
import { attempt } from "../../shared/mongo/failures.ts";

const answering = (code: number, codeName: string) =>
  attempt(async () => {
    if (code > 0) throw new MongoServerError({ message: "as the server words it", code, codeName });
    return ok("done");
  });

test.each([
  [91, "ShutdownInProgress"],
  [189, "PrimarySteppedDown"],
  [50, "MaxTimeMSExpired"],
  [8, "EngineEPIPE"],
  [8, "Engine57P03"],
  [8, "Engine08006"],
  [8, "Engine"],
])("%i %s is the server's: unavailable", async (code, codeName) => {
  expect(await answering(code, codeName)).toEqual(
    err(expect.objectContaining({ kind: "unavailable", message: "MongoDB does not answer." })),
  );
});

test.each([
  [2, "BadValue"],
  [8, "UnknownError"],
  [8, "Engine22P02"],
  [59, "CommandNotFound"],
])("%i %s is a bug, and is thrown on", async (code, codeName) => {
  await expect(answering(code, codeName)).rejects.toThrow("as the server words it");
});

const failing = (code: string) => attempt(() => Promise.reject(Object.assign(new Error("as Node words it"), { code })));

test.each(["EPIPE", "ECONNRESET", "ENETUNREACH", "ERR_STREAM_DESTROYED", "ERR_SOCKET_CLOSED"])(
  "%s of the socket, as the driver hands it on: unavailable",
  async (code) => {
    expect(await failing(code)).toEqual(err(expect.objectContaining({ kind: "unavailable" })));
  },
);

test.each(["ENOENT", "ERR_INVALID_ARG_TYPE"])("%s is a bug, and is thrown on", async (code) => {
  await expect(failing(code)).rejects.toThrow("as Node words it");
});

test("an answer is an answer", async () => {
  expect((await answering(0, ""))._unsafeUnwrap()).toBe("done");
});
