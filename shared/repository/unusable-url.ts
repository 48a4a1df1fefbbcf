/** What is thrown where a database cannot even be called, because of how it is configured. */

/**
 * The URL cannot be read by the driver, or a file that it names cannot. What a driver says of it may repeat a part of the
 * password (seen: `Unable to parse user:geheim with URL`), so nothing of that is kept.
 */
export class UnusableUrl extends Error {
  override readonly name = "UnusableUrl";
  readonly code: "UNREADABLE_URL" | "UNREADABLE_FILE";
  constructor(thrown: unknown) {
    const isFile = isOfFile(thrown);
    super(isFile ? UNREADABLE_FILE : UNREADABLE_URL);
    this.code = isFile ? "UNREADABLE_FILE" : "UNREADABLE_URL";
  }
}

/** Of a certificate or key that a URL names; a socket has the same codes, and another call. */
export const isOfFile = (error: unknown): boolean =>
  error instanceof Error && "syscall" in error && /^(open|read)$/.test(String(error.syscall)) && "path" in error;

const UNREADABLE_FILE = "The URL of this database names a file, such as a certificate, that cannot be read here.";
const UNREADABLE_URL =
  "The URL of this database cannot be read: look at its options, and at its user and password, in which @ is written " +
  "%40, : %3A, / %2F, # %23 and % %25.";
