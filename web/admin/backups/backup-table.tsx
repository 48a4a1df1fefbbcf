/** One page of the list of backups. */
import { countOf, sizeOf, spanOf } from "../parts/figures.ts";
import { HomeTag } from "../parts/home-tag.tsx";
import { Pill } from "../parts/pill.tsx";
import { Scroll } from "../parts/scroll.tsx";
import type { Backups } from "../parts/shapes.ts";
import { Time } from "../parts/time.tsx";

type Backup = Backups["items"][number];

export function BackupTable({ backups }: { backups: Backups["items"] }) {
  if (backups.length === 0)
    return (
      <p class="card soft" role="status">
        There is none that this list knows of. <code>switchyard backup create</code> makes one.
      </p>
    );
  return (
    <Scroll name="Backups, newest first" isCard>
      <table>
        <thead>
          <tr>
            <th scope="col">Began</th>
            <th scope="col">What</th>
            <th scope="col">Of</th>
            <th scope="col" class="number">
              Records
            </th>
            <th scope="col" class="number">
              Size
            </th>
            <th scope="col">State</th>
            <th scope="col">Restored for trial</th>
          </tr>
        </thead>
        <tbody>
          {backups.map((backup) => (
            <tr key={`${backup.place}/${backup.id}`}>
              <td>
                <Time at={backup.began_at} />
                <div class="soft small">{tookOf(backup)}</div>
              </td>
              <th scope="row">
                {backup.kind === "full" ? "Full" : "Incremental"}
                {backup.part_of && `, ${backup.part_of} only`}
                <code class="id soft">{backup.id}</code>
                <div class="soft small">
                  {backup.place}
                  {backup.is_encrypted && ", encrypted"}
                </div>
              </th>
              <td>
                {backup.databases.map((name) => (
                  <div key={name}>
                    <HomeTag name={name} />
                  </div>
                ))}
              </td>
              <td class="number">{countOf(backup.records)}</td>
              <td class="number">{sizeOf(backup.bytes)}</td>
              <td class="wide">
                <State backup={backup} />
              </td>
              <td>
                <Time at={backup.drilled_at} none="never" />
                {backup.drill_ms !== null && <div class="soft small">{`took ${spanOf(backup.drill_ms)}`}</div>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

const tookOf = ({ began_at, ended_at }: Backup): string =>
  ended_at === null ? "" : `took ${spanOf(Date.parse(ended_at) - Date.parse(began_at))}`;

function State({ backup: { ended_at, verified_at, fault } }: { backup: Backup }) {
  if (fault !== null)
    return (
      <>
        <Pill tone="bad">Damaged</Pill>
        <div class="small">{fault}</div>
      </>
    );
  if (ended_at === null) return <Pill tone="warn">Not complete</Pill>;
  if (verified_at === null) return <Pill tone="quiet">Not verified</Pill>;
  return (
    <>
      <Pill tone="good">Verified</Pill>
      <div class="soft small">
        <Time at={verified_at} />
      </div>
    </>
  );
}
