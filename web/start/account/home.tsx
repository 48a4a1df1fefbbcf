/** Where one lives, since when, and how much is kept there. */
import { useEffect, useState } from "preact/hooks";
import { whoAmI } from "../actions/home.ts";
import { saidOf } from "../refused.ts";
import { bytesOf, dayOf } from "./words.ts";

type Me = Extract<Awaited<ReturnType<typeof whoAmI>>, { ok: true }>["value"];

const KINDS = { postgres: "Postgres", mongodb: "MongoDB" } as const;

/** Looks again whenever `of` is another: what is kept there has changed. */
export function Home({ of }: { of: unknown }) {
  const [me, setMe] = useState<Me>();
  const [said, setSaid] = useState("");
  const look = async () => {
    const answer = await whoAmI();
    if (answer.ok) setMe(answer.value);
    setSaid(answer.ok ? "" : saidOf(answer.problem));
  };
  useEffect(() => void look(), [of]);
  return (
    <>
      <h1>Where you live</h1>
      {me && (
        <>
          <p class="home" data-home={me.home}>
            {me.home}
          </p>
          <dl class="facts">
            <Fact name="Kind">{me.home_kind ? KINDS[me.home_kind] : "not known here"}</Fact>
            <Fact name="Since">{me.home_since ? dayOf(me.home_since) : "not known just now"}</Fact>
            <Fact name="Keeps">{me.usage ? kept(me.usage) : "not known just now"}</Fact>
          </dl>
          <p class="soft">Your records are kept there. While another database is down, nothing changes for you.</p>
        </>
      )}
      {!me && !said && <p class="soft">Asking the API …</p>}
      {said && (
        <div class="notice" role="status">
          <p>{said}</p>
          <button type="button" class="plain" onClick={look}>
            Ask again
          </button>
        </div>
      )}
    </>
  );
}

const kept = ({ records, bytes }: { records: number; bytes: number }) =>
  `${records} ${records === 1 ? "record" : "records"}, ${bytesOf(bytes)}`;

function Fact({ name, children }: { name: string; children: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
