/** Answers in the words of a Supabase Auth server, and the errors that become such answers. */
export class AuthRefusal extends Error {
  readonly status: number;
  readonly code: string | undefined;
  constructor(status: number, message: string, code?: string) {
    super(message);
    this.name = "AuthRefusal";
    this.status = status;
    this.code = code;
  }

  toResponse(): Response {
    return Response.json(
      { code: this.status, ...(this.code ? { error_code: this.code } : {}), msg: this.message },
      { status: this.status, headers: this.code ? { "x-sb-error-code": this.code } : {} },
    );
  }
}

/** What Auth answers to anything that it did not expect, a trigger that raises among them. */
export const unexpectedFailure = () =>
  new AuthRefusal(500, "Unexpected failure, please check server logs", "unexpected_failure");

/** For the flows that neither lite nor this gateway has. */
export const notHere = (what: string) =>
  new AuthRefusal(
    501,
    `${what} is not part of the development server. Use a hosted Supabase project, or point SUPABASE_AUTH_URL at a real Auth server.`,
    "not_implemented",
  );
