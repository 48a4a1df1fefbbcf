/** An address without whoever asks and what is said of how: for people, for the journal and for the audit. */
export const withoutCredentials = (address: string): string =>
  address.replace(/^([a-z][a-z0-9+.-]*:\/\/).*@/i, "$1").replace(/^([a-z][a-z0-9+.-]*:\/\/[^?]*)\?.*$/i, "$1");
