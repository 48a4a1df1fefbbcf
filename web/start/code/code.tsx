/** The code of an action beside it: one file, or several to choose from. */
import { useEffect, useState } from "preact/hooks";
import { piecesOf } from "./highlight.ts";
import { SOURCES, type SourceName } from "./sources.ts";

interface CodeProps {
  /** the first is shown until another is chosen */
  readonly files: readonly SourceName[];
}

const nameOf = (file: SourceName) => file.replace("actions/", "");
/** Beside the action there is room for it; below, it would be in the way of the next one. */
const isWide = () => matchMedia("(min-width: 56.01rem)").matches;

export function Code({ files }: CodeProps) {
  const [first] = files;
  const [chosen, choose] = useState(first);
  const [isOpen] = useState(isWide);
  // another action is another file
  useEffect(() => choose(first), [first]);
  const shown = chosen && files.includes(chosen) ? chosen : first;
  if (!shown) return null;
  return (
    <details class="code" open={isOpen}>
      <summary>The code that does it</summary>
      <fieldset>
        <legend class="seen-by-readers">The file to show</legend>
        {files.map((file) => (
          <button key={file} type="button" class="file" aria-pressed={file === shown} onClick={() => choose(file)}>
            {nameOf(file)}
          </button>
        ))}
      </fieldset>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
      <section class="source" tabIndex={0} aria-label={`web/start/${shown}`}>
        <pre>
          <code>
            {piecesOf(SOURCES[shown].trimEnd()).map(({ kind, text }, at) => (
              <span key={at} class={kind === "plain" ? undefined : `is-${kind}`}>
                {text}
              </span>
            ))}
          </code>
        </pre>
      </section>
    </details>
  );
}
