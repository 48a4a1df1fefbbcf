/** Who changed what, when and why. */
import { useLayoutEffect, useRef } from "preact/hooks";
import { answerOf, api } from "../../shared/api.ts";
import { useLive } from "../parts/live.ts";
import { Loading } from "../parts/loading.tsx";
import { Pages } from "../parts/pages.tsx";
import { ProblemNote } from "../parts/problem-note.tsx";
import { hrefOf, place } from "../parts/route.ts";
import { Title } from "../parts/title.tsx";
import { AuditTable } from "./audit-table.tsx";

const FIELDS = ["actor", "action", "subject"] as const;
const NAMES = {
  actor: { label: "Who", hint: "part of an address" },
  action: { label: "What", hint: "moves, PATCH …" },
  subject: { label: "About", hint: "the id of a user" },
};

export function AuditPage() {
  const { query } = place.value;
  const said = Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? ""])) as Record<
    (typeof FIELDS)[number],
    string
  >;
  const from = query.get("from");
  const asked = {
    limit: "50",
    ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== "")),
    ...(from ? { before: from } : {}),
  };
  const loaded = useLive(JSON.stringify(asked), () => answerOf(api.admin.audit.$get({ query: asked })));
  const { value, problem } = loaded;
  const form = useRef<HTMLFormElement>(null);
  // the browser's way back leads to another search
  useLayoutEffect(
    () => {
      for (const name of FIELDS) {
        const field = form.current?.elements.namedItem(name);
        if (field instanceof HTMLInputElement) field.value = said[name];
      }
    },
    FIELDS.map((name) => said[name]),
  );
  const search = (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    location.hash = hrefOf(
      "audit",
      null,
      Object.fromEntries(FIELDS.map((name) => [name, String(fields.get(name)).trim()])),
    );
  };
  return (
    <>
      <Title text="Audit" part={from} />
      <form ref={form} aria-label="Search" class="filters" onSubmit={search}>
        {FIELDS.map((name) => (
          <label key={name}>
            {NAMES[name].label}
            <input
              name={name}
              type="search"
              defaultValue={said[name]}
              placeholder={NAMES[name].hint}
              autocomplete="off"
            />
          </label>
        ))}
        <button type="submit">Search</button>
      </form>
      <Loading of={loaded} />
      <ProblemNote problem={problem} isStale={value !== undefined} />
      {value && <AuditTable lines={value.items} />}
      {value && <Pages page="audit" query={said} began={from} next={value.next_before} />}
    </>
  );
}
