/** A record of a demo user, as it is to be filed. */
export interface DemoRecord {
  readonly collection: string;
  /** Names this record for those that refer to it. */
  readonly key: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Fields that take the id of another record, by its key. */
  readonly refers?: Readonly<Record<string, string>>;
}
