import assert from "node:assert/strict";
import { test } from "node:test";

import { inWib } from "../src/check.ts";

test("an instant is said as exactly as it is given, in WIB, as the page's words have it", () => {
  const words = {
    days: "Min Sen Sel Rab Kam Jum Sab",
    months: "Jan Feb Mar Apr Mei Jun Jul Agu Sep Okt Nov Des",
    instant: "{day}, {date} {month} {year}, {hour}.{minute}.{second},{millisecond} WIB",
    second: "{day}, {date} {month} {year}, {hour}.{minute}.{second} WIB",
  };
  assert.equal(inWib(words, "2026-11-12T03:00:00.001Z"), "Kam, 12 Nov 2026, 10.00.00,001 WIB");
  assert.equal(inWib(words, "2026-12-31T17:00:00.000Z"), "Jum, 1 Jan 2027, 00.00.00,000 WIB");
  assert.equal(inWib(words, "2026-12-31T17:00:00Z"), "Jum, 1 Jan 2027, 00.00.00 WIB");
  assert.equal(inWib(words, "9000000000000000000"), "9000000000000000000");
});
