/**
 * Backups in a bucket of anything that speaks S3, by paths (not by names of hosts, which few of them know). An object is there once
 * all of it is: by one request, or by several and one that puts them together. What an upload that died has left in the bucket is
 * billed and not seen: a lifecycle rule (AbortIncompleteMultipartUpload) takes it away.
 */
import { createHash } from "node:crypto";
import { AwsClient } from "aws4fetch";
import { BackupFailed } from "./failures.ts";
import { type BackupStorage, checkedPath, isId, NotStored } from "./storage.ts";

/** Of a part of an upload: at least 5 MiB, and at most 10,000 of them are one object. Two of them are in memory. */
const PART_BYTES = 8 * 1024 * 1024;
const TRIES = 6;
const FIRST_WAIT_MS = 200;
/** Of a request whose answer is short; a part of an upload on a slow line is what takes longest. */
const REQUEST_MS = 180_000;

export interface S3Options {
  bucket: string;
  /** "" or without slashes at its ends */
  prefix: string;
  region: string;
  /** undefined: Amazon's */
  endpoint: string | undefined;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
  /** tests wait for less */
  waitMs?: number;
  requestMs?: number;
}

const PARTIAL = 206;
const EXPIRED: ReadonlySet<string> = new Set(["ExpiredToken", "InvalidToken", "TokenRefreshRequired"]);

type Asked = { method?: string; body?: Uint8Array; headers?: Record<string, string>; isStream?: true };

export function s3Storage(options: S3Options): BackupStorage {
  const {
    bucket,
    prefix,
    region,
    endpoint,
    accessKeyId,
    secretAccessKey,
    sessionToken,
    waitMs = FIRST_WAIT_MS,
    requestMs = REQUEST_MS,
  } = options;
  const place = `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`;
  // what passes is tried again here, where what a driver of a socket throws is, too
  const client = new AwsClient({
    ...{ accessKeyId, secretAccessKey, region, service: "s3", retries: 0 },
    ...(sessionToken !== undefined && { sessionToken }),
  });
  const root = `${(endpoint ?? `https://s3.${region}.amazonaws.com`).replace(/\/+$/, "")}/${bucket}`;
  const keyOf = (path: string) => (prefix === "" ? path : `${prefix}/${path}`);
  const urlOf = (path: string) => `${root}/${keyOf(checkedPath(path))}`;

  /** The answer, whatever its status, once it is none that passes. */
  async function send(url: string, { method = "GET", body, headers, isStream }: Asked = {}): Promise<Response> {
    for (let tries = 1; ; tries++) {
      try {
        const response = await client.fetch(url, {
          method,
          headers: { ...headers, "x-amz-content-sha256": sha256(body ?? new Uint8Array()) },
          ...(body && { body: body as Uint8Array<ArrayBuffer> }),
          ...(!isStream && { signal: AbortSignal.timeout(requestMs) }),
        });
        if (!passes(response.status) || tries === TRIES) return response;
        await response.body?.cancel();
      } catch (error) {
        if (tries === TRIES)
          throw new BackupFailed(
            `${place} cannot be reached (${reasonOf(error)}): see that BACKUP_S3_ENDPOINT is right and answers.`,
            { cause: error },
          );
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs * 2 ** (tries - 1)));
    }
  }

  async function text(url: string, asked: Asked, path: string): Promise<string> {
    const response = await send(url, asked);
    const answered = await response.text();
    // putting an upload together may fail after its 200 has been sent
    if (!response.ok || answered.includes("<Error>")) throw refusal(response.status, answered, path);
    return answered;
  }

  function refusal(status: number, answered: string, path: string): Error {
    const code = elementOf(answered, "Code") ?? String(status);
    if (code === "NoSuchBucket")
      return new BackupFailed(`${place}: there is no bucket of this name. Make it, or correct --to.`);
    if (code === "NoSuchKey" || (status === 404 && code === "404")) return new NotStored(path);
    if (EXPIRED.has(code))
      return new BackupFailed(
        `${place} says that the key has expired (${code}): take a new one, its AWS_SESSION_TOKEN among it, that lasts for as long as this takes, and run it again.`,
      );
    if (code === "RequestTimeTooSkewed")
      return new BackupFailed(`${place} refuses what this machine signs, because its clock is wrong: set it right.`);
    if (status === 403)
      return new BackupFailed(
        `${place} refuses the key in AWS_ACCESS_KEY_ID (${code}): correct it and its secret, or let it list, read, write and delete there.`,
      );
    if (status === 301 || status === 307 || code === "AuthorizationHeaderMalformed")
      return new BackupFailed(`${place} is in another region than ${region}: correct BACKUP_S3_REGION.`);
    return new BackupFailed(`${place} does not take ${path} (${code}: ${elementOf(answered, "Message") ?? status}).`);
  }

  async function upload(path: string, first: Uint8Array, rest: AsyncIterator<Uint8Array>): Promise<void> {
    const url = urlOf(path);
    const id = elementOf(await text(`${url}?uploads=`, { method: "POST" }, path), "UploadId") ?? "";
    const of = `uploadId=${encodeURIComponent(id)}`;
    try {
      const tags: string[] = [];
      for (let part: Uint8Array | undefined = first; part; part = await next(rest)) {
        const response = await send(`${url}?partNumber=${tags.length + 1}&${of}`, { method: "PUT", body: part });
        const answered = await response.text();
        if (!response.ok) throw refusal(response.status, answered, path);
        tags.push(response.headers.get("etag") ?? "");
      }
      const parts = tags
        .map((tag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${tag}</ETag></Part>`)
        .join("");
      const body = Buffer.from(`<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`);
      await text(`${url}?${of}`, { method: "POST", body }, path);
    } catch (error) {
      await send(`${url}?${of}`, { method: "DELETE" }).then(
        (response) => response.body?.cancel(),
        () => undefined,
      );
      throw error;
    }
  }

  const storage: BackupStorage = {
    place,
    async put(path, bytes) {
      const parts = inParts(bytes)[Symbol.asyncIterator]();
      const first = (await next(parts)) ?? new Uint8Array();
      if (first.byteLength === PART_BYTES) await upload(path, first, parts);
      else await text(urlOf(path), { method: "PUT", body: first }, path);
    },
    async *get(path) {
      let read = 0;
      let tag: string | null = null;
      for (let tries = 1; ; tries++) {
        // where the connection breaks, it goes on from there, with the same object
        const headers = read === 0 || tag === null ? {} : { range: `bytes=${read}-`, "if-match": tag };
        const response = await send(urlOf(path), { headers, isStream: true });
        if (!response.ok || !response.body) throw refusal(response.status, await response.text(), path);
        tag = response.headers.get("etag");
        // not everything that speaks S3 knows ranges, and begins anew then
        let again = response.status === PARTIAL ? 0 : read;
        try {
          for await (const chunk of response.body) {
            const fresh = chunk.subarray(Math.min(again, chunk.byteLength));
            again -= chunk.byteLength - fresh.byteLength;
            read += fresh.byteLength;
            if (fresh.byteLength > 0) yield fresh;
          }
          return;
        } catch (error) {
          if (tries === TRIES || tag === null)
            throw new BackupFailed(
              `${place}: the connection was lost while ${path} was read (${reasonOf(error)}). Try again.`,
            );
        }
      }
    },
    async *list(begins) {
      for (let token: string | undefined = ""; token !== undefined; ) {
        const query = `list-type=2&prefix=${encodeURIComponent(keyOf(begins))}${token === "" ? "" : `&continuation-token=${encodeURIComponent(token)}`}`;
        const answered: string = await text(`${root}?${query}`, {}, begins);
        for (const [, key = ""] of answered.matchAll(/<Key>([^<]*)<\/Key>/g))
          yield unescaped(key).slice(keyOf("").length);
        token =
          elementOf(answered, "IsTruncated") === "true" ? elementOf(answered, "NextContinuationToken") : undefined;
      }
    },
    async *ids() {
      let last = "";
      for await (const path of storage.list("")) {
        const [id = ""] = path.split("/");
        if (id !== last && path.includes("/") && isId(id)) yield id;
        last = id;
      }
    },
    async delete(path) {
      const response = await send(urlOf(path), { method: "DELETE" });
      const answered = await response.text();
      if (!response.ok && response.status !== 404) throw refusal(response.status, answered, path);
    },
    async clear(id) {
      for await (const path of storage.list(`${checkedPath(id)}/`)) await storage.delete(path);
    },
  };
  return storage;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const passes = (status: number) => status === 429 || status >= 500;
const reasonOf = (error: unknown): string => {
  const { message = String(error), cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
};

/** Of an element that stands once in an answer. */
const elementOf = (xml: string, name: string): string | undefined => {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return found === undefined ? undefined : unescaped(found);
};
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const unescaped = (text: string) => text.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? "");

async function next(parts: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> {
  const { value, done } = await parts.next();
  return done ? undefined : value;
}

/** All but the last have that size. */
async function* inParts(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let gathered: Uint8Array[] = [];
  let size = 0;
  for await (let chunk of bytes) {
    while (size + chunk.byteLength >= PART_BYTES) {
      const taken = PART_BYTES - size;
      yield Buffer.concat([...gathered, chunk.subarray(0, taken)]);
      chunk = chunk.subarray(taken);
      [gathered, size] = [[], 0];
    }
    // a copy: whoever gave it may use its memory again
    if (chunk.byteLength > 0) gathered.push(Buffer.from(chunk));
    size += chunk.byteLength;
  }
  if (size > 0) yield Buffer.concat(gathered);
}
