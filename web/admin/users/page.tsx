/** The users: searched by the server, in pages. What is searched for stands in the address. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { answerOf, api } from "../../shared/api.ts";
import { useLive } from "../parts/live.ts";
import { Loading } from "../parts/loading.tsx";
import { Pages } from "../parts/pages.tsx";
import { ProblemNote } from "../parts/problem-note.tsx";
import { hrefOf, place } from "../parts/route.ts";
import { Title } from "../parts/title.tsx";
import { UserTable } from "./user-table.tsx";

const PAGE_SIZE = "50";
/** How long typing has to rest before it is searched for. */
const REST_MS = 250;

export function UsersPage() {
  const { query } = place.value;
  const [q, home, from] = ["q", "home", "from"].map((name) => query.get(name) ?? "") as [string, string, string];
  const asked = { limit: PAGE_SIZE, ...(q && { q }), ...(home && { home }), ...(from && { cursor: from }) };
  const users = useLive(JSON.stringify(asked), () => answerOf(api.admin.users.$get({ query: asked })), null);
  const databases = useLive("databases", () => answerOf(api.admin.databases.$get()), null);
  return (
    <>
      <Title text="Users" part={from} />
      <Search q={q} home={home} homes={databases.value?.items.map(({ name }) => name) ?? []} />
      <Loading of={users} />
      <ProblemNote problem={users.problem} isStale={users.value !== undefined} />
      {users.value && <UserTable users={users.value.items} />}
      {users.value && <Pages page="users" query={{ q, home }} began={from || null} next={users.value.next_cursor} />}
    </>
  );
}

function Search({ q, home, homes }: { q: string; home: string; homes: readonly string[] }) {
  const form = useRef<HTMLFormElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  // the browser's way back leads to another search; what is being typed stays
  useLayoutEffect(() => {
    const field = form.current?.elements.namedItem("q");
    if (!timer.current && field instanceof HTMLInputElement && field.value.trim() !== q) field.value = q;
  }, [q]);
  const search = () => {
    clearTimeout(timer.current);
    timer.current = undefined;
    if (!form.current) return;
    const fields = new FormData(form.current);
    // each letter is no page of its own in the browser's history
    location.replace(hrefOf("users", null, { q: String(fields.get("q")).trim(), home: String(fields.get("home")) }));
  };
  const typed = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(search, REST_MS);
  };
  return (
    <form
      ref={form}
      aria-label="Search"
      class="filters"
      onSubmit={(event) => {
        event.preventDefault();
        search();
      }}
    >
      <label>
        Address or id
        <input
          name="q"
          type="search"
          defaultValue={q}
          onInput={typed}
          autocomplete="off"
          placeholder="ada@ or 0198f2…"
        />
      </label>
      <label>
        Home
        <select name="home" value={home} onChange={search}>
          <option value="">All</option>
          {homes.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
    </form>
  );
}
