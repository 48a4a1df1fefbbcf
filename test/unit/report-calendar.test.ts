/** Budget periods and days in time zones. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Period, periodOf, today } from "../../shared/reports/calendar.ts";

describe("the period that holds a day", () => {
  test.each<[Period, string, string, string, string]>([
    ["weekly", "2026-01-01", "2026-01-01", "2026-01-01", "2026-01-07"],
    ["weekly", "2026-01-01", "2026-01-08", "2026-01-08", "2026-01-14"],
    ["weekly", "2025-12-29", "2026-01-01", "2025-12-29", "2026-01-04"],
    ["monthly", "2026-01-31", "2026-02-27", "2026-01-31", "2026-02-27"],
    ["monthly", "2026-01-31", "2026-02-28", "2026-02-28", "2026-03-30"],
    ["monthly", "2026-01-31", "2026-03-31", "2026-03-31", "2026-04-29"],
    ["monthly", "2024-01-30", "2024-02-29", "2024-02-29", "2024-03-29"],
    ["monthly", "2026-01-15", "2026-12-31", "2026-12-15", "2027-01-14"],
    ["yearly", "2024-02-29", "2025-02-28", "2025-02-28", "2026-02-27"],
    ["yearly", "2024-02-29", "2028-02-28", "2027-02-28", "2028-02-28"],
    ["yearly", "2024-02-29", "2028-02-29", "2028-02-29", "2029-02-27"],
    ["monthly", "2026-01-31", "9999-12-31", "9999-12-31", "9999-12-31"],
    ["weekly", "0001-01-01", "9999-12-31", "9999-12-27", "9999-12-31"],
    ["yearly", "0001-03-01", "9999-12-31", "9999-03-01", "9999-12-31"],
  ])("%s from %s: %s", (period, anchor, day, from, to) => {
    expect(periodOf(period, anchor, day)).toEqual({ from, to });
  });

  test("has the day in it, and the periods follow each other without a gap", () => {
    const days = fc.date({ min: new Date("0050-01-01"), max: new Date("9000-01-01"), noInvalidDate: true });
    const text = (date: Date) => date.toISOString().slice(0, 10);
    const next = (day: string) => text(new Date(Date.parse(day) + 86_400_000));
    fc.assert(
      fc.property(
        fc.constantFrom<Period>("weekly", "monthly", "yearly"),
        days,
        fc.nat(40_000),
        (period, date, later) => {
          const anchor = text(date);
          const day = text(new Date(Date.parse(anchor) + later * 86_400_000));
          const { from, to } = periodOf(period, anchor, day);
          expect(from <= day && day <= to).toBe(true);
          expect(periodOf(period, anchor, from)).toEqual({ from, to });
          expect(periodOf(period, anchor, to)).toEqual({ from, to });
          expect(periodOf(period, anchor, next(to)).from).toBe(next(to));
        },
      ),
    );
  });
});

test("today is the day in the time zone", () => {
  const instant = Date.parse("2026-03-28T23:30:00Z");
  expect(today(instant, "UTC")).toBe("2026-03-28");
  expect(today(instant, "Europe/Berlin")).toBe("2026-03-29");
  expect(today(instant, "America/New_York")).toBe("2026-03-28");
  expect(today(instant, "Pacific/Kiritimati")).toBe("2026-03-29");
});
