/** The numbers that one looks at first. */
import { Figure } from "../parts/figure.tsx";
import { countOf, percentOf, spanOf, UNKNOWN } from "../parts/figures.ts";
import { hrefOf } from "../parts/route.ts";
import type { Metrics } from "../parts/shapes.ts";

interface FiguresProps {
  readonly stats: { totalUsers: number | null } | undefined;
  readonly metrics: Metrics | undefined;
}

export function Figures({ stats, metrics }: FiguresProps) {
  const points = metrics?.series?.points;
  const requests = points && sumOf(points.map((point) => point.requests));
  const errors = points && sumOf(points.map((point) => point.errors));
  const limited = points && sumOf(points.map((point) => point.limited));
  const copy = metrics?.replication;
  return (
    <dl class="figures">
      <Figure name="Users" value={countOf(stats?.totalUsers)} />
      <Figure name="Requests in the last hour" value={countOf(requests)} />
      <Figure
        name="Errors in the last hour"
        value={countOf(errors)}
        more={requests && errors !== undefined ? percentOf(errors, requests) : undefined}
        isBad={(errors ?? 0) > 0}
      />
      <Figure name="Limits hit in the last hour" value={countOf(limited)} />
      <Figure
        name="Replication lag, 99 %"
        value={copy ? (copy.is_on ? spanOf(copy.lag_p99_ms) : "off") : UNKNOWN}
        more={
          copy && (
            <a href={hrefOf("replication")}>
              {`${countOf(copy.pending)} pending, ${countOf(copy.dead)} dead, ${countOf(copy.conflicts)} in conflict`}
            </a>
          )
        }
        isBad={(copy?.dead ?? 0) > 0}
      />
    </dl>
  );
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
