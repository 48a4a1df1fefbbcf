/** What may stand in no log line and in no response: looked for in all that any test makes the project say. */

/** An address. Tests use many, all of them made up; none has to do with a log. */
const ADDRESS = /[\w.+-]+(@|%40)[\w-]+(\.[\w-]+)+/;
/** Spellings that only secrets have: API keys, hook secrets, tokens, passwords in URLs. */
const SECRETS = [
  /\bsb_secret_[\w-]+/,
  /\bwhsec_[\w+/=-]+/,
  /\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]*/,
  /:\/\/[^/\s:@"]+:[^/\s@"]+@/,
];
/** Shorter ones would be found by accident. */
const MIN_SECRET = 16;

const known = new Set<string>();
const found: string[] = [];

/** Values that are secret though nothing in their spelling says so, such as a shared secret. */
export function keepSecret(...values: readonly (string | undefined)[]): void {
  for (const value of values) if (value && value.length >= MIN_SECRET) known.add(value);
}

const secretIn = (text: string): string | undefined =>
  SECRETS.map((pattern) => pattern.exec(text)?.[0]).find(Boolean) ?? [...known].find((secret) => text.includes(secret));

/** One line of a log. */
export function checkLogLine(line: string, from: string): void {
  const what = secretIn(line) ?? ADDRESS.exec(line)?.[0];
  if (what) found.push(`${from} logged ${what.slice(0, 60)}: ${line.slice(0, 500)}`);
}

/** An answer to a caller: addresses are the caller's own, secrets are nobody's. */
export function checkAnswer(text: string, from: string): void {
  const what = secretIn(text);
  if (what) found.push(`${from} answered ${what.slice(0, 60)}: ${text.slice(0, 500)}`);
}

/** Whatever a process prints; only what is a line of the log counts: `npm start` shows people mails and a login. */
export function checkOutput(text: string, from: string): void {
  for (const line of text.split("\n")) {
    const start = line.indexOf('{"time":"');
    if (start >= 0) checkLogLine(line.slice(start), from);
  }
}

/** All that was found since the last time. */
export const leaks = (): string[] => found.splice(0);

/** Listens to all that this process prints from now on. */
export function listenToOutput(from: string): void {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (...rest: unknown[]) => boolean;
    stream.write = (chunk: unknown, ...rest: unknown[]) => {
      checkOutput(String(chunk), from);
      return write(chunk, ...rest);
    };
  }
}
