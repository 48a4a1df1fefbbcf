/** What somebody who is not in is doing, and for which address where that matters. */
export type Way =
  | { readonly to: "sign-up" | "sign-in" | "forgot" }
  | { readonly to: "confirm"; readonly email: string };
