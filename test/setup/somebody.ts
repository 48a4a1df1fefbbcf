/** What a token says of a user, for tests to which only the id matters. */
export const SOMEBODY = {
  jwt: "",
  email: null,
  home: "supabase",
  homeEpoch: 1,
  issuedAt: 0,
  signedInAt: 0,
  sessionId: undefined,
  role: null,
  needsMfa: false,
};
