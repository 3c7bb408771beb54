import assert from "node:assert/strict";
import { test } from "node:test";

import { amount, cents, money, terbilang } from "../src/totals.ts";

test("an amount is read as the server reads it", () => {
  const read: [string, bigint][] = [
    ["1250000", 125_000_000n],
    ["1.250.000", 125_000_000n],
    ["Rp 1.250.000,5", 125_000_050n],
    ["1250000.50", 125_000_050n],
    ["1 250 000,-", 125_000_000n],
    ["0", 0n],
  ];
  for (const [typed, value] of read) assert.equal(cents(typed), value, typed);
  for (const typed of ["satu juta", "1,250,000", "1.25.000", "-5", "1e9", "1.250.000,123", "٣"]) {
    assert.equal(cents(typed), undefined, typed);
  }
  assert.equal(cents("  "), null);
});

test("quantity times price is exact and rounded half up once", () => {
  assert.equal(amount("10", 79_999_950n), 799_999_500n);
  assert.equal(amount("0.5", 1n), 1n);
  assert.equal(amount("0.4999", 1n), 0n);
  assert.equal(amount("12.5", 333n), 4163n);
  assert.equal(amount("99999999999999", 99_999_999_999_999n), 99_999_999_999_999n * 99_999_999_999_999n);
});

test("money reads as on Indonesian paper, in figures and in words", () => {
  assert.equal(money(1_649_999_500n), "Rp 16.499.995,00");
  assert.equal(money(5n), "Rp 0,05");
  const words: [bigint, string][] = [
    [0n, "nol rupiah"],
    [100n, "satu rupiah"],
    [1_100n, "sebelas rupiah"],
    [1_900n, "sembilan belas rupiah"],
    [10_000n, "seratus rupiah"],
    [100_000n, "seribu rupiah"],
    [100_100n, "seribu satu rupiah"],
    [419_650n, "empat ribu seratus sembilan puluh enam rupiah lima puluh sen"],
    [100_100_000n, "satu juta seribu rupiah"],
    [1_649_999_500n, "enam belas juta empat ratus sembilan puluh sembilan ribu sembilan ratus sembilan puluh lima rupiah"],
    [10n ** 17n, "satu kuadriliun rupiah"],
  ];
  for (const [value, said] of words) assert.equal(terbilang(value), said);
});
