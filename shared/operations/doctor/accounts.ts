/** A user's way through the system, by one that is made for it: sign-up, home, token, the books, and a sign-out. */
import { decodeJwt } from "jose";
import { createAssignments } from "../../placement/assignment.ts";
import { callSystem } from "../../postgres/system-call.ts";
import { type Check, failure, pass, warning } from "./check.ts";
import { AUTH } from "./connections.ts";
import { TOKEN_HOOK } from "./hooks.ts";
import { type Inspect, MIGRATIONS } from "./postgres.ts";
import type { Subject } from "./subject.ts";
import type { Throwaway, Throwaways } from "./throwaway.ts";

const LEFTOVERS = "users: leftovers of the doctor's";
const SIGN_UP = "users: sign-up and home";
const SIGN_IN = "users: sign-in";
const CLAIMS = "hooks: claims in a token";

interface Tokens {
  access_token: string;
}

export function accountChecks(subject: Subject, inspect: Inspect, throwaways: Throwaways): Check[] {
  const { service } = subject;
  const assignments = createAssignments(service);
  let user: Throwaway | undefined;
  let home: string | undefined;
  let token = "";
  const somebody = (): Throwaway => {
    if (!user) throw new Error("nobody was signed up");
    return user;
  };
  return [
    {
      name: LEFTOVERS,
      needs: [MIGRATIONS, AUTH],
      fix: "Delete the users switchyard-doctor-...@doctor.invalid in the dashboard, Authentication.",
      run: async () => {
        const { leftovers } = await inspect();
        const count = await throwaways.removeAll(leftovers);
        return pass(count === 0 ? "none" : `${count} deleted, of a run that was killed`);
      },
    },
    {
      name: SIGN_UP,
      needs: [MIGRATIONS, AUTH],
      fix: "See: npm run switchyard -- databases. One at least has to be accepting and healthy.",
      run: async () => {
        user = await throwaways.make();
        const assigned = await assignments.get(user.id);
        if (assigned.isErr()) throw assigned.error;
        if (!assigned.value)
          return failure(
            "a new user has no home: the trigger on auth.users is missing or disabled",
            "In the SQL editor: alter table auth.users enable trigger switchyard_assign_home;",
          );
        home = assigned.value.database_provider;
        return pass(`a new user's home is ${home}`);
      },
    },
    {
      name: SIGN_IN,
      needs: [SIGN_UP, TOKEN_HOOK],
      fix: "Look at Auth's log in the dashboard.",
      run: async () => {
        const answer = await signIn(subject, somebody());
        if (answer.status === 200) {
          token = ((await answer.json()) as Tokens).access_token;
          return pass("by password");
        }
        const said = (await answer.json().catch(() => ({}))) as { error_code?: string; msg?: string };
        if (/provider_disabled|captcha/.test(said.error_code ?? ""))
          return failure(
            `Auth takes no password here (${said.error_code}), so claims and sign-outs cannot be tried`,
            "Nothing is wrong with it; to try them, allow the Email provider, and no captcha, for the time of this command.",
          );
        return failure(
          `Auth answers a sign-in with status ${answer.status}${said.msg ? `: ${said.msg}` : ""}`,
          "A token hook that fails does that: dashboard, Authentication, Hooks. Otherwise look at Auth's log.",
        );
      },
    },
    {
      name: CLAIMS,
      needs: [SIGN_IN],
      fix: "Look at Auth's log in the dashboard.",
      run: async () => {
        const { app_metadata: found } = decodeJwt<{ app_metadata?: { home?: string; home_epoch?: number } }>(token);
        if (found?.home === undefined)
          return failure(
            "the token does not say the user's home: Auth does not call the token hook",
            "Dashboard, Authentication, Hooks: enable Customize Access Token (Postgres, public.custom_access_token_hook).",
          );
        return found.home === home && typeof found.home_epoch === "number"
          ? pass(`home ${found.home}, epoch ${found.home_epoch}`)
          : failure(
              `the token says the home ${found.home}, epoch ${found.home_epoch}, and the assignment ${home}`,
              "Dashboard, Authentication, Hooks: the function has to be public.custom_access_token_hook.",
            );
      },
    },
    {
      name: "ledger: a deposit, undone",
      needs: [SIGN_UP],
      fix: "Prove the books: npm run switchyard -- ledger check",
      run: async () => {
        const answer = await callSystem<Rehearsal>(service, "switchyard_rehearse_deposit", {
          p_user_id: somebody().id,
        });
        if (answer.isErr()) throw answer.error;
        const { posted, entries, sum, left } = answer.value;
        const seen = `an account of ${posted} cents, ${entries} entries that sum to ${sum}, ${left} rows left`;
        return posted === "1234" && entries === 2 && sum === "0" && left === 0
          ? pass("12.34 EUR came in, were in the balance, and are not there any more")
          : failure(
              `12.34 EUR made ${seen}`,
              "Somebody has changed the ledger's functions: apply its migrations anew.",
            );
      },
    },
    signOutCheck(subject, async () => {
      const answer = await signIn(subject, somebody());
      if (!answer.ok) throw new Error(`Auth answers a sign-in with status ${answer.status}`);
      return ((await answer.json()) as Tokens).access_token;
    }),
  ];
}

interface Rehearsal {
  posted: string;
  entries: number;
  sum: string;
  left: number;
}

/** Auth takes any key of the project's; the session is one like any other. */
const signIn = ({ config, fetch }: Subject, { email, password }: Throwaway) =>
  fetch(`${config.SUPABASE_URL}/auth/v1/token?grant_type=password`, {
    method: "POST",
    headers: { apikey: config.SUPABASE_SECRET_KEY, "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });

function signOutCheck({ api }: Subject, signedIn: () => Promise<string>): Check {
  return {
    name: "api: sign-out ends a token",
    needs: [SIGN_IN],
    fix: "Is the API running at that address, and does it serve this very project (SUPABASE_URL there)?",
    run: async () => {
      if (!api)
        return warning(
          "not tried: there is no API here to ask",
          "Give its address: --api=https://<your app>, or set SUPABASE_PUBLISHABLE_KEY, and it is made in this process.",
        );
      const [own, other] = await Promise.all([signedIn(), signedIn()]);
      const ask = (token: string, method = "GET") =>
        api.ask("/api/sessions", { method, headers: { authorization: `Bearer ${token}` } });
      const before = await ask(other);
      if (before.status !== 200)
        return failure(
          `${api.where} answers a new token with status ${before.status}`,
          "Its SUPABASE_URL has to be this project's, and it has to know its keys: a project with a shared secret needs SUPABASE_JWT_SECRET there.",
        );
      const { status: ended } = await ask(own, "DELETE");
      const { status: after } = await ask(other);
      const { status: kept } = await ask(own);
      return ended === 204 && after === 401 && kept === 200
        ? pass(`${api.where}: signed out of another session, whose token was refused with the very next request`)
        : failure(
            `${api.where}: the sign-out was answered with ${ended}, the other session's token then with ${after}, the own with ${kept}`,
            "Have all instances one REDIS_URL? Look at the API's log, too.",
          );
    },
  };
}
