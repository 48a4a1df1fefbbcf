/** Values over time as lines, drawn by uPlot; behind each chart stands its table. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { Scroll } from "./scroll.tsx";

export interface Line {
  readonly name: string;
  /** a class that sets `color` */
  readonly tone: string;
  /** one for each time; null: none */
  readonly values: readonly (number | null)[];
  /** what is nearly always 0 is drawn only where it is not: a line along the bottom would look like news */
  readonly isRare?: boolean;
}
interface SeriesChartProps {
  readonly title: string;
  /** milliseconds since 1970, ascending */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number) => string;
}

const HEIGHT = 180;
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

export function SeriesChart({ title, times, lines, format }: SeriesChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const key = useRef<HTMLUListElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const data = useMemo(
    () => [times.map((time) => time / 1_000), ...lines.map(drawnOf)] as uPlot.AlignedData,
    [times, lines],
  );
  const names = lines.map(({ name }) => name).join();
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(element, key.current, lines, format), data, element);
    };
    const sized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    draw();
    sized.observe(element);
    scheme.addEventListener("change", draw);
    return () => {
      sized.disconnect();
      scheme.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [names]);
  useEffect(() => plot.current?.setData(data), [data]);
  return (
    <figure class="card chart">
      <figcaption>
        <h2>{title}</h2>
        <ul class="key" ref={key}>
          {lines.map(({ name, tone }) => (
            <li key={name}>
              <span class={`swatch ${tone}`} aria-hidden="true" />
              {name}
            </li>
          ))}
        </ul>
      </figcaption>
      {/* the table says the same to whoever cannot see it */}
      <div ref={place} class="plot" aria-hidden="true" />
      <ChartTable title={title} times={times} lines={lines} format={format} />
    </figure>
  );
}

function ChartTable({ title, times, lines, format }: SeriesChartProps) {
  const rows = times.map((time, index) => ({ time, index })).reverse();
  return (
    <details>
      <summary>As a table</summary>
      <Scroll name={`${title}, newest first`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {lines.map(({ name }) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ time, index }) => (
              <tr key={time}>
                <th scope="row">{clock.format(time)}</th>
                {lines.map(({ name, values }) => (
                  <td key={name} class="number">
                    {values[index] == null ? "–" : format(values[index])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </details>
  );
}

/** A canvas knows no custom properties: its colours are those that the page's own elements have come to. */
function optionsOf(
  element: HTMLElement,
  key: HTMLElement | null,
  lines: readonly Line[],
  format: (value: number) => string,
): uPlot.Options {
  const styles = getComputedStyle(element);
  const ink = styles.color;
  const grid = styles.borderTopColor;
  const swatches = [...(key?.querySelectorAll(".swatch") ?? [])].map((swatch) => getComputedStyle(swatch).color);
  const axis: uPlot.Axis = {
    stroke: ink,
    font: "12px system-ui",
    ticks: { show: false },
    grid: { stroke: grid, width: 1 },
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [
      {
        ...axis,
        size: 32,
        grid: { show: false },
        values: (_, splits) => splits.map((second) => clock.format(second * 1_000)),
      },
      { ...axis, size: 64, values: (_, splits) => splits.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ name }, index) => ({
        label: name,
        stroke: swatches[index] ?? ink,
        width: 2,
        points: { show: true, size: 5, filter: (drawn: uPlot) => lonely(drawn.data[index + 1] ?? []) },
      })),
    ],
  };
}

/** Of what is rare, nothing where it rests. */
function drawnOf({ values, isRare = false }: Line): (number | null)[] {
  const rests = (at: number) => !values[at];
  return values.map((value, at) => (isRare && rests(at - 1) && rests(at) && rests(at + 1) ? null : value));
}

/** Those with none beside them, which no line goes through. */
const lonely = (values: ArrayLike<number | null | undefined>): number[] =>
  Array.from(values).flatMap((value, at) =>
    value != null && values[at - 1] == null && values[at + 1] == null ? [at] : [],
  );
