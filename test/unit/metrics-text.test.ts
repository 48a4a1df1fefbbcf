/** The text formats, read back. */
import { describe, expect, test } from "vitest";
import { createText, type Format } from "../../shared/metrics/text.ts";
import { readMetricsText } from "../setup/metrics-text.ts";

const ODD = 'a "quoted" \\ back\nslash, {braces} = and é';
const buckets = [1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4];

describe.each<Format>(["prometheus", "openmetrics"])("%s", (format) => {
  const made = () => {
    const text = createText(format);
    text.counter({ name: "x_requests", help: ODD }, [{ labels: { code: ODD, route: "/a/{id}" }, value: 12 }]);
    text.histogram({ name: "x_seconds", help: "how long" }, [
      { labels: { route: "/a" }, count: 7, seconds: 100.5, buckets },
      { labels: { route: "/b" }, count: 0, seconds: 0, buckets: [] },
    ]);
    text.gauge({ name: "x_up", help: "whether" }, [{ value: 1 }]);
    text.gauge({ name: "x_absent", help: "nobody knows" }, []);
    return text.end();
  };

  test("whatever stands in labels and helps comes back", () => {
    const families = readMetricsText(made(), format);
    const name = format === "openmetrics" ? "x_requests" : "x_requests_total";
    expect([...families.keys()]).toEqual([name, "x_seconds", "x_up"]);
    expect(families.get(name)).toMatchObject({
      type: "counter",
      samples: [{ name: "x_requests_total", labels: { code: ODD, route: "/a/{id}" }, value: 12 }],
    });
  });

  test("buckets are cumulative, and end with all", () => {
    const { samples = [] } = readMetricsText(made(), format).get("x_seconds") ?? {};
    const ofA = samples.filter(({ labels }) => labels.route === "/a");
    expect(ofA.map(({ labels: { le }, value }) => [le, value])).toEqual([
      ...[
        ["0.005", 1],
        ["0.01", 3],
        ["0.025", 3],
        ["0.05", 3],
        ["0.1", 3],
        ["0.25", 3],
        ["0.5", 3],
        ["1.0", 3],
      ],
      ...[
        ["2.5", 3],
        ["5.0", 3],
        ["10.0", 3],
        ["+Inf", 7],
        [undefined, 100.5],
        [undefined, 7],
      ],
    ]);
  });
});

test("what is read back is read strictly", () => {
  const good = "# HELP x a\n# TYPE x gauge\nx 1\n";
  expect(readMetricsText(good, "prometheus").get("x")?.samples).toHaveLength(1);
  for (const bad of [
    good.slice(0, -1),
    `${good}x 2\n`,
    `${good}y 1\n`,
    '# HELP x a\n# TYPE x gauge\nx{a="\\q"} 1\n',
    "# HELP x a\n# TYPE x counter\nx 1\n",
    '# HELP x a\n# TYPE x histogram\nx_bucket{le="1.0"} 2\nx_bucket{le="+Inf"} 1\nx_sum 1\nx_count 1\n',
  ])
    expect(() => readMetricsText(bad, "prometheus"), bad).toThrow();
  expect(() => readMetricsText(good, "openmetrics")).toThrow("EOF");
});
