/** A page of another origin: signs up with supabase-js, keeps expenses through the typed client, and copes with failure. */
import { createClient } from "@supabase/supabase-js";
import { createSwitchyardClient } from "../../../client/index.ts";

const apiUrl = new URLSearchParams(location.search).get("api") ?? "";
const config = await (await createSwitchyardClient({ url: apiUrl }).config.$get()).json();
const supabase = createClient(config.supabaseUrl, config.supabaseKey);
// who looks at the page is told after that time, and decides
const api = createSwitchyardClient({ url: apiUrl, supabase, retry: { maxWaitMs: 2_000 } });

const element = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
const say = (text: string) => {
  element("message").textContent = text;
};
const later = (answer: { headers: Headers }) =>
  `Your notebook cannot be reached just now. Please try again in ${answer.headers.get("retry-after")} s.`;

async function show(): Promise<void> {
  const answer = await api.expenses.$get({ query: { sort: "-created_at" } });
  if (answer.status === 503) return say(later(answer));
  if (answer.status !== 200) return say((await answer.json()).detail);
  const { items } = await answer.json();
  element("expenses").replaceChildren(...items.map(row));
}

type Expense = { id: string; version: number; amount: string; currency: string; description: string | null };

function row(expense: Expense): HTMLElement {
  const [item, label, input, save] = ["li", "span", "input", "button"].map((tag) => document.createElement(tag));
  if (!item || !label || !(input instanceof HTMLInputElement) || !save) throw new Error("no elements");
  label.textContent = `${expense.description}: ${expense.amount} ${expense.currency}`;
  input.value = expense.amount;
  input.size = 8;
  save.textContent = "Change";
  save.addEventListener("click", () => change(expense, input.value));
  item.append(label, input, save);
  return item;
}

async function change({ id, version }: Expense, amount: string): Promise<void> {
  const answer = await api.expenses[":id"].$patch({
    param: { id },
    json: { amount },
    header: { "if-match": `"${version}"` },
  });
  if (answer.status === 503) return say(later(answer));
  if (answer.status === 412) say("Somebody changed this entry meanwhile. This is how it stands now.");
  else say(answer.status === 200 ? "Changed." : (await answer.json()).detail);
  await show();
}

element<HTMLFormElement>("sign-up").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.currentTarget as HTMLFormElement);
  const { error } = await supabase.auth.signUp({
    email: String(form.get("email")),
    password: String(form.get("password")),
  });
  if (error) return say(error.message);
  await enter();
});

/** The key stays the same until the entry is there, so that a second press makes no second entry. */
let key = crypto.randomUUID();
element<HTMLFormElement>("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget as HTMLFormElement;
  const entry = new FormData(form);
  const answer = await api.expenses.$post({
    json: {
      amount: String(entry.get("amount")),
      currency: "EUR",
      date: new Date().toISOString().slice(0, 10),
      description: String(entry.get("description")),
    },
    header: { "idempotency-key": key },
  });
  if (answer.status === 503) return say(later(answer));
  if (answer.status !== 201) return say((await answer.json()).detail);
  key = crypto.randomUUID();
  form.reset();
  say("Added.");
  await show();
});

async function enter(): Promise<void> {
  element("sign-up").hidden = true;
  element("book").hidden = false;
  const me = await api.me.$get();
  if (me.status === 200) document.body.dataset.home = (await me.json()).home;
  await show();
}

if ((await supabase.auth.getSession()).data.session) await enter();
document.body.dataset.ready = "yes";
