/** The categories that there are, and the one of a name, which is made when there is none. */
import { useRef, useState } from "preact/hooks";
import type { Answer } from "../../shared/api.ts";
import { addCategory, listCategories } from "../actions/categories.ts";
import { useKey } from "./key.ts";

interface Category {
  readonly id: string;
  readonly name: string;
}

export interface Categories {
  readonly all: readonly Category[];
  load(): Promise<Answer<readonly Category[]>>;
  /** The id of the one of this name. */
  idOf(name: string): Promise<Answer<string>>;
}

export function useCategories(): Categories {
  const [all, setAll] = useState<readonly Category[]>([]);
  const isLoaded = useRef(false);
  const key = useKey();
  const load = async (): Promise<Answer<readonly Category[]>> => {
    const answer = await listCategories();
    if (!answer.ok) return answer;
    isLoaded.current = true;
    setAll(answer.value.items);
    return { ...answer, value: answer.value.items };
  };
  return {
    all,
    load,
    async idOf(name) {
      // what is not known to be missing is not made
      const known = isLoaded.current ? undefined : await load();
      if (known && !known.ok) return known;
      const found = (known?.value ?? all).find((one) => one.name.toLowerCase() === name.toLowerCase());
      if (found) return { ok: true, value: found.id, headers: new Headers() };
      const made = await addCategory(name, key.of(name));
      if (!made.ok) return made;
      key.done();
      setAll((before) => [...before, made.value]);
      return { ...made, value: made.value.id };
    },
  };
}
