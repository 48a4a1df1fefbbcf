/** What a server's own errors mean: whose fault they are decides between 503 and 500, and whether the breaker counts. */
import { MongoDriverError, MongoNetworkError, MongoNetworkTimeoutError, MongoServerError } from "mongodb";
import { err, ok } from "neverthrow";
import { expect, test } from "vitest";
import { busy } from "../../shared/contract/errors.ts";
import { attempt } from "../../shared/mongo/failures.ts";

const answering = (code: number, codeName: string, message = "as the server words it") =>
  attempt(async () => {
    if (code > 0) throw new MongoServerError({ message, code, codeName });
    return ok("done");
  });

test.each([
  [91, "ShutdownInProgress"],
  [189, "PrimarySteppedDown"],
  [10_107, "NotWritablePrimary"],
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
  [24, "LockTimeout"],
  [46, "LockBusy"],
  [50, "MaxTimeMSExpired"],
  [112, "WriteConflict"],
  [117, "ConflictingOperationInProgress"],
  [208, "TooManyLocks"],
  [239, "SnapshotTooOld"],
  [244, "TransactionAborted"],
  [246, "SnapshotUnavailable"],
  [251, "NoSuchTransaction"],
  [262, "ExceededTimeLimit"],
  [290, "TransactionExceededLifetimeLimitSeconds"],
  [11_601, "Interrupted"],
  [146, "ExceededMemoryLimit"],
  [211, "KeyNotFound"],
  [1, "Engine53200"],
  [1, "Engine40001"],
  [1, "Engine40P01"],
  [1, "Engine55P03"],
  [1, "Engine57014"],
  [1, "Engine53300"],
])("%i %s is contention: busy, and an answer", async (code, codeName) => {
  const { cause, ...error } = (await answering(code, codeName))._unsafeUnwrapErr();
  expect(error).toEqual(busy("The database has too much to do at once. Try again."));
  expect(cause).toBeInstanceOf(MongoServerError);
});

test.each([
  [13, "Unauthorized", /grant that user readWrite/],
  [18, "AuthenticationFailed", /refuses the user or password/],
  [59, "CommandNotFound", /recent MongoDB/],
  [115, "CommandNotSupported", /recent MongoDB/],
  [13_297, "DatabaseDifferCase", /other capitals/],
])("%i %s is for the operator to mend: misconfigured, in words", async (code, codeName, words) => {
  const error = (await answering(code, codeName))._unsafeUnwrapErr();
  expect(error).toMatchObject({ kind: "unavailable", code: "misconfigured", message: expect.stringMatching(words) });
});

test.each([
  ["bad auth : Authentication failed.", "misconfigured", /user or password/],
  ["user is not allowed to do action [insert] on [switchyard.expenses]", "misconfigured", /readWrite/],
  ["not authorized on switchyard to execute command", "misconfigured", /readWrite/],
  ["you are over your space quota, using 513 MB of 512 MB", "storage_full", /is full/],
  ["something that has never been seen", "misconfigured", /Atlas refuses/],
])("Atlas has one code for everything: %s", async (message, code, words) => {
  const error = (await answering(8_000, "AtlasError", message))._unsafeUnwrapErr();
  expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
});

test.each([
  [14_031, "OutOfDiskSpace"],
  [1, "Engine53100"],
  [1, "Engine25006"],
])("%i %s is a full one, which a wait does not mend", async (code, codeName) => {
  const error = (await answering(code, codeName))._unsafeUnwrapErr();
  expect(error).toMatchObject({ kind: "unavailable", code: "storage_full" });
  expect(error.retryAfterSeconds).toBeUndefined();
});

test.each([
  [462, "IngressRequestRateLimitExceeded"],
  [16_500, "RequestRateTooLarge"],
])("%i %s is the provider's limit: throttled, for a while", async (code, codeName) => {
  expect((await answering(code, codeName))._unsafeUnwrapErr()).toMatchObject({
    code: "throttled",
    retryAfterSeconds: 5,
  });
});

test("a standalone server does no transactions: its words say what to do", async () => {
  const message = "Transaction numbers are only allowed on a replica set member or mongos";
  const error = (await answering(20, "IllegalOperation", message))._unsafeUnwrapErr();
  expect(error).toMatchObject({ code: "misconfigured", message: expect.stringContaining("rs.initiate()") });
});

test.each([121, 10_334])("%i is the record's fault", async (code) => {
  expect((await answering(code, ""))._unsafeUnwrapErr().code).toBe("invalid_input");
});

const labelled = (code: number, label: string) =>
  attempt(async () => {
    throw new MongoServerError({ message: "as the server words it", code, errorLabels: [label] });
  });

test.each(["TransientTransactionError", "SystemOverloadedError"])(
  "what is labelled %s is contention",
  async (label) => {
    expect((await labelled(1, label))._unsafeUnwrapErr().code).toBe("busy");
    // the server goes, whatever may be tried after that
    expect((await labelled(91, label))._unsafeUnwrapErr().code).toBe("unavailable");
  },
);

/** The driver does not export its own. */
class WaitQueueTimeoutError extends MongoDriverError {
  override get name() {
    return "MongoWaitQueueTimeoutError";
  }
}

test("a full pool and a socket's time-out say nothing of the server: it is asked", async () => {
  const full = new WaitQueueTimeoutError("as the driver words it");
  expect(await attempt(() => Promise.reject(full))).toEqual(
    err(expect.objectContaining({ code: "busy", isUnheard: true })),
  );
  const late = new MongoNetworkTimeoutError("as the driver words it");
  const cleared = new MongoNetworkError("the pool was cleared", { cause: late });
  for (const error of [late, cleared])
    expect(await attempt(() => Promise.reject(error))).toEqual(
      err(expect.objectContaining({ code: "unavailable", isUnheard: true })),
    );
  const closed = new MongoNetworkError("connection closed");
  expect(await attempt(() => Promise.reject(closed))).toEqual(
    err(expect.objectContaining({ code: "unavailable", isUnheard: false })),
  );
});

test.each([
  [2, "BadValue"],
  [8, "UnknownError"],
  [8, "Engine22P02"],
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

test.each(["ENOTFOUND", "ENODATA", "ESERVFAIL", "ECONNREFUSED"])(
  "%s of DNS, asked for mongodb+srv: unavailable",
  async (code) => {
    const error = Object.assign(new Error("as Node words it"), { code, syscall: "querySrv" });
    expect(await attempt(() => Promise.reject(error))).toEqual(err(expect.objectContaining({ kind: "unavailable" })));
  },
);

test.each(["ENOENT", "ERR_INVALID_ARG_TYPE"])("%s is a bug, and is thrown on", async (code) => {
  await expect(failing(code)).rejects.toThrow("as Node words it");
});

test("an answer is an answer", async () => {
  expect((await answering(0, ""))._unsafeUnwrap()).toBe("done");
});

test("an error of the contract that is thrown on the way is the answer", async () => {
  const refused = busy("Wait.");
  expect(await attempt(() => Promise.reject(refused))).toEqual(err(refused));
});
