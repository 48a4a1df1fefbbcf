/** What a test needs of S3: signatures that are checked (SigV4), uploads in parts, pages of lists, and answers that pass. */
import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const KEY = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret/of+tests", region: "eu-central-1" };
const LEAST_PART = 5 * 1024 * 1024;
const PAGE = 3;

export interface S3Server {
  endpoint: string;
  objects: Map<string, Buffer>;
  uploads: Map<string, Map<number, Buffer>>;
  /** what was asked, in order: "PUT /bucket/a" */
  asked: string[];
  /**
   * the next of these answers is given instead of the right one: a status, "cut" (half of a body), "error" (200 with an error),
   * "expired" (the key), "silence" (none), "short" (half of a body as if that were all), "rangeless" (the whole where a part was asked for)
   */
  troubles: (number | "cut" | "error" | "expired" | "silence" | "short" | "rangeless")[];
  stop(): Promise<void>;
}

export async function startS3(bucket: string): Promise<S3Server> {
  const state = {
    objects: new Map<string, Buffer>(),
    uploads: new Map<string, Map<number, Buffer>>(),
    asked: [] as string[],
    troubles: [] as S3Server["troubles"],
  };
  const server = createServer((request, response) => {
    void answer(request, response).catch((error: Error) => response.writeHead(599).end(error.message));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url ?? "", "http://s3");
    const say = (status: number, code: string) =>
      response.writeHead(status).end(`<Error><Code>${code}</Code><Message>of the test</Message></Error>`);
    state.asked.push(`${request.method} ${url.pathname}${url.search.replace(/uploadId=[^&]*/, "uploadId")}`);
    const trouble = state.troubles[0];
    if (typeof trouble === "number" || trouble === "error") {
      state.troubles.shift();
      return void (trouble === "error"
        ? say(200, "InternalError")
        : say(trouble, trouble === 503 ? "SlowDown" : "Odd"));
    }
    if (trouble === "expired") {
      state.troubles.shift();
      return void say(400, "ExpiredToken");
    }
    if (trouble === "silence") return void state.troubles.shift();
    if (!isSigned(request, url, body)) return void say(403, "SignatureDoesNotMatch");
    const [, named, ...rest] = decodeURIComponent(url.pathname).split("/");
    const key = rest.join("/");
    if (named !== bucket) return void say(404, "NoSuchBucket");
    const upload = state.uploads.get(url.searchParams.get("uploadId") ?? "");

    if (request.method === "POST" && url.searchParams.has("uploads")) {
      const id = `upload+${state.uploads.size}/${key.length}`;
      state.uploads.set(id, new Map());
      response.end(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    } else if (url.searchParams.has("uploadId") && !upload) say(404, "NoSuchUpload");
    else if (request.method === "PUT" && upload) {
      upload.set(Number(url.searchParams.get("partNumber")), body);
      response.writeHead(200, { etag: tagOf(body) }).end();
    } else if (request.method === "POST" && upload) {
      const parts = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]*)<\/ETag>/g)];
      const found = parts.map(([, number]) => upload.get(Number(number)) ?? Buffer.alloc(0));
      const isRight = parts.every(
        ([, number, tag], at) => Number(number) === at + 1 && tagOf(found[at] as Buffer) === tag,
      );
      if (!isRight || parts.length !== upload.size) return void say(400, "InvalidPart");
      if (found.slice(0, -1).some((part) => part.length < LEAST_PART)) return void say(400, "EntityTooSmall");
      state.uploads.delete(url.searchParams.get("uploadId") ?? "");
      state.objects.set(key, Buffer.concat(found));
      response.end("<CompleteMultipartUploadResult/>");
    } else if (request.method === "DELETE") {
      if (upload) state.uploads.delete(url.searchParams.get("uploadId") ?? "");
      else state.objects.delete(key);
      response.writeHead(204).end();
    } else if (request.method === "PUT") {
      state.objects.set(key, body);
      response.writeHead(200, { etag: tagOf(body) }).end();
    } else if (key === "") listed(url, response);
    else got(request, response, state.objects.get(key), say);
  }

  function got(
    request: IncomingMessage,
    response: ServerResponse,
    object: Buffer | undefined,
    say: (status: number, code: string) => void,
  ) {
    if (!object) return say(404, "NoSuchKey");
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (from > 0 && request.headers["if-match"] !== tagOf(object)) return say(412, "PreconditionFailed");
    const isRangeless = from > 0 && state.troubles[0] === "rangeless";
    const isShort = state.troubles[0] === "short";
    if (isRangeless || isShort) state.troubles.shift();
    const bytes = isShort ? object.subarray(0, object.length / 2) : object.subarray(isRangeless ? 0 : from);
    response.writeHead(from > 0 && !isRangeless ? 206 : 200, { etag: tagOf(object), "content-length": bytes.length });
    if (state.troubles[0] !== "cut") return void response.end(bytes);
    state.troubles.shift();
    response.write(bytes.subarray(0, bytes.length / 2), () => setImmediate(() => response.destroy()));
  }

  function listed(url: URL, response: ServerResponse) {
    const prefix = url.searchParams.get("prefix") ?? "";
    const after = url.searchParams.get("continuation-token") ?? "";
    const keys = [...state.objects.keys()].filter((key) => key.startsWith(prefix) && `&${key}` > after).sort();
    const page = keys.slice(0, PAGE);
    const next = keys.length > PAGE ? `<NextContinuationToken>&amp;${page.at(-1)}</NextContinuationToken>` : "";
    const contents = page.map((key) => `<Contents><Key>${key}</Key></Contents>`).join("");
    response.end(
      `<ListBucketResult><IsTruncated>${keys.length > PAGE}</IsTruncated>${contents}${next}</ListBucketResult>`,
    );
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    ...state,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const sha256 = (bytes: Buffer | string) => createHash("sha256").update(bytes).digest("hex");
const tagOf = (bytes: Buffer) => `"${createHash("md5").update(bytes).digest("hex")}"`;
const hmac = (key: Buffer | string, text: string) => createHmac("sha256", key).update(text).digest();
const encoded = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

/** By the words of Amazon's own description of Signature Version 4. */
function isSigned(request: IncomingMessage, url: URL, body: Buffer): boolean {
  const authorization = request.headers.authorization ?? "";
  const [, id, day = "", region = "", names = "", signature] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      authorization,
    ) ?? [];
  const instant = String(request.headers["x-amz-date"]);
  const sum = String(request.headers["x-amz-content-sha256"]);
  if (id !== KEY.accessKeyId || region !== KEY.region || !instant.startsWith(day) || sum !== sha256(body)) return false;
  if (!["host", "x-amz-date", "x-amz-content-sha256"].every((name) => names.split(";").includes(name))) return false;
  const query = [...url.searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join("&");
  const headers = names
    .split(";")
    .map((name) => `${name}:${String(request.headers[name]).trim()}\n`)
    .join("");
  const path = url.pathname
    .split("/")
    .map((step) => encoded(decodeURIComponent(step)))
    .join("/");
  const canonical = [request.method, path, query, headers, names, sum].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", instant, `${day}/${region}/s3/aws4_request`, sha256(canonical)].join("\n");
  const key = ["s3", "aws4_request"].reduce(hmac, hmac(hmac(`AWS4${KEY.secretAccessKey}`, day), region));
  return hmac(key, toSign).toString("hex") === signature;
}
