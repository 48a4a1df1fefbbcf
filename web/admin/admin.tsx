/** The frame around every page: who may see them, the way between them, and the page that the address names. */
import { session } from "../shared/session.ts";
import { SignIn } from "../shared/sign-in.tsx";
import { OverviewPage } from "./overview/page.tsx";
import { place } from "./route.ts";
import { Shell } from "./shell.tsx";

const PAGES = [{ name: "", title: "Overview", Page: OverviewPage }];

export function Admin() {
  if (session.value === undefined) return <p class="soft waiting">Looking up who is signed in …</p>;
  if (session.value === null) return <SignIn title="Switchyard for operators" />;
  const shown = PAGES.find(({ name }) => name === place.value.page) ?? PAGES[0];
  if (!shown) return null;
  return (
    <Shell pages={PAGES} shown={shown.name} title={shown.title}>
      <shown.Page />
    </Shell>
  );
}
