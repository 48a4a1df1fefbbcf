/** Who may see the pages, and which of them the address names. */
import { session, signOut } from "../shared/session.ts";
import { SignIn } from "../shared/sign-in.tsx";
import { AuditPage } from "./audit/page.tsx";
import { BackupsPage } from "./backups/page.tsx";
import { DatabasesPage } from "./databases/page.tsx";
import { OverviewPage } from "./overview/page.tsx";
import { Asked } from "./parts/ask.tsx";
import { askRole, operator, roleProblem } from "./parts/role.ts";
import { hrefOf, place } from "./parts/route.ts";
import { Shell } from "./parts/shell.tsx";
import { Title } from "./parts/title.tsx";
import { ReplicationPage } from "./replication/page.tsx";
import { UserPage } from "./user/page.tsx";
import { UsersPage } from "./users/page.tsx";

const PAGES = [
  { name: "", title: "Overview", Page: OverviewPage },
  { name: "users", title: "Users", Page: UsersPage, Subject: UserPage },
  { name: "databases", title: "Databases", Page: DatabasesPage },
  { name: "replication", title: "Replication", Page: ReplicationPage },
  { name: "backups", title: "Backups", Page: BackupsPage },
  { name: "audit", title: "Audit", Page: AuditPage },
];

export function Admin() {
  if (session.value === undefined) return <p class="soft waiting">Looking up who is signed in …</p>;
  if (session.value === null) return <SignIn title="Switchyard for operators" />;
  if (roleProblem.value) return <NoOperator />;
  if (!operator.value) return <p class="soft waiting">Looking up what you may do …</p>;
  const { page, subject } = place.value;
  const shown = PAGES.find(({ name }) => name === page);
  const Page = (subject && shown?.Subject) || (shown?.Page ?? NoPage);
  return (
    <Shell pages={PAGES} shown={page}>
      <Page key={`${page}/${subject ?? ""}`} />
      <Asked />
    </Shell>
  );
}

function NoPage() {
  return (
    <>
      <Title text="There is no such page" />
      <p>
        Nothing stands at <code>{location.hash}</code>. <a href={hrefOf("")}>To the overview</a>
      </p>
    </>
  );
}

function NoOperator() {
  const problem = roleProblem.value;
  return (
    <main class="sign-in">
      <h1>{problem?.status === 403 ? "Not for this account" : "Not now"}</h1>
      <p>{problem?.detail}</p>
      <p class="soft">Signed in as {session.value?.user.email}.</p>
      <div class="actions">
        <button type="button" onClick={() => void askRole()}>
          Try again
        </button>
        <button type="button" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </main>
  );
}
