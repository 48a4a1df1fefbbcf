/** A Supabase of which only the public keys are there: an ES256 and an RS256 key, which can be taken away. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK } from "jose";

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;

export interface KeyServer {
  readonly url: string;
  readonly pairs: { readonly ec: Pair; readonly rsa: Pair };
  /** the public keys as they are published; a test may change the list */
  readonly published: JWK[];
  /** how often the list was asked for */
  reads(): number;
  /** false: every answer is a 500 */
  answer(yes: boolean): void;
  stop(): Promise<void>;
}

export async function startKeyServer(): Promise<KeyServer> {
  const pairs = {
    ec: await generateKeyPair("ES256", { extractable: true }),
    rsa: await generateKeyPair("RS256", { extractable: true }),
  };
  const published: JWK[] = [
    { ...(await exportJWK(pairs.ec.publicKey)), kid: "ec", alg: "ES256", use: "sig" },
    { ...(await exportJWK(pairs.rsa.publicKey)), kid: "rsa", alg: "RS256", use: "sig" },
  ];
  let reads = 0;
  let isUp = true;
  const server = createServer((_, response) => {
    reads += 1;
    response.writeHead(isUp ? 200 : 500, { "content-type": "application/json" });
    response.end(JSON.stringify({ keys: published }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pairs,
    published,
    reads: () => reads,
    answer: (yes) => {
      isUp = yes;
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
