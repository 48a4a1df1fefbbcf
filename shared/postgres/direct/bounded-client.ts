/** The driver's client, on which nothing waits for ever. */
import pg from "pg";
import { UnusableUrl } from "../../repository/unusable-url.ts";

/** An idle function is frozen: its sockets would be dead when it wakes. */
export const IDLE_MS = 5_000;

export interface ClientSettings {
  url: string;
  /** shown in pg_stat_activity */
  appName: string;
  connectMs: number;
}

/** A class, because the driver's pool makes its clients itself. */
export function boundedClient({ url, appName, connectMs }: ClientSettings) {
  return class extends pg.Client {
    constructor() {
      try {
        super({
          connectionString: url,
          application_name: appName,
          connectionTimeoutMillis: connectMs,
          keepAlive: true,
          keepAliveInitialDelayMillis: IDLE_MS,
        });
      } catch (error) {
        // it connects later: this is what it thinks of the URL, and of the files in it
        throw new UnusableUrl(error);
      }
      // what befalls it is said to the call that it serves, or to nobody; without a listener it would end the process
      this.on("error", () => undefined);
    }

    /** A goodbye to a server that is gone is never answered. */
    override end(): Promise<void>;
    override end(done: (error: Error) => void): void;
    override end(done?: (error: Error) => void): Promise<void> | void {
      const { stream } = this.connection;
      const timer = setTimeout(() => stream.destroy(), connectMs);
      timer.unref?.();
      stream.once("close", () => clearTimeout(timer));
      return done ? super.end(done) : super.end();
    }
  };
}
