/** The modules of this page, as they stand in the repository: what is shown is what runs. */
import add from "../actions/add.ts?raw";
import categories from "../actions/categories.ts?raw";
import change from "../actions/change.ts?raw";
import confirm from "../actions/confirm.ts?raw";
import google from "../actions/google.ts?raw";
import home from "../actions/home.ts?raw";
import list from "../actions/list.ts?raw";
import remove from "../actions/remove.ts?raw";
import resetPassword from "../actions/reset-password.ts?raw";
import signIn from "../actions/sign-in.ts?raw";
import signOut from "../actions/sign-out.ts?raw";
import signUp from "../actions/sign-up.ts?raw";
import api from "../api.ts?raw";

export const SOURCES = {
  "actions/add.ts": add,
  "actions/categories.ts": categories,
  "actions/change.ts": change,
  "actions/confirm.ts": confirm,
  "actions/google.ts": google,
  "actions/home.ts": home,
  "actions/list.ts": list,
  "actions/remove.ts": remove,
  "actions/reset-password.ts": resetPassword,
  "actions/sign-in.ts": signIn,
  "actions/sign-out.ts": signOut,
  "actions/sign-up.ts": signUp,
  "api.ts": api,
} as const;

export type SourceName = keyof typeof SOURCES;
