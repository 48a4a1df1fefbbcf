/** The name of a database, with the colour that it has in every chart. */

const OWN = ["supabase", "mongodb"];
const OTHERS = 4;

/** The class that sets `--home`: of the two that are always there their own, of any other one of four by its name. */
export function colourOf(name: string): string {
  const own = OWN.indexOf(name);
  if (own >= 0) return `home-${own + 1}`;
  const sum = [...name].reduce((total, letter) => total + (letter.codePointAt(0) ?? 0), 0);
  return `home-${OWN.length + 1 + (sum % OTHERS)}`;
}

export function HomeTag({ name }: { name: string | null | undefined }) {
  if (!name) return <span class="soft">none</span>;
  return (
    <span class={`tag ${colourOf(name)}`}>
      <span class="dot" aria-hidden="true" />
      {name}
    </span>
  );
}
