/** The way to MongoDB that workers take, which may fail; who takes it does not wait long. */
import { MongoClient } from "mongodb";
import { startProxy, type TcpProxy } from "../failure/proxy.ts";

export interface ProxiedMongo {
  proxy: TcpProxy;
  client: MongoClient;
  stop(): Promise<void>;
}

const IMPATIENT = { serverSelectionTimeoutMS: 500, socketTimeoutMS: 500, connectTimeoutMS: 500 };

export async function startProxiedMongo(target: string, options: object = IMPATIENT): Promise<ProxiedMongo> {
  const proxy = await startProxy(target, 200);
  const uri = new URL(target);
  uri.host = `127.0.0.1:${proxy.port}`;
  uri.searchParams.set("directConnection", "true");
  const client = new MongoClient(uri.href, { retryWrites: false, retryReads: false, ...options });
  return {
    proxy,
    client,
    async stop() {
      await client.close();
      await proxy.stop();
    },
  };
}
