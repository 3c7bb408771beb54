import assert from "node:assert/strict";
import { test } from "node:test";

import { type Ask, canonical, inWib, verify } from "../src/verify.ts";
import vector from "./receipt.json";

// receipt.json was made by integrity/ and is checked by it too (tests/gateway/test_receipt_vector.py).

type Answers = Record<string, unknown>;

const ENTRY = "/log/1/entries/019f0000-0000-7000-8000-000000000009";
const logs: Answers[] = vector.logs;
const whole = JSON.stringify({ receipt: vector.receipt, record: vector.record });
const bare = JSON.stringify(vector.receipt);

/** A portal that gives these answers; a number is a status without a body. */
function portal(changes: Answers = {}): Ask {
  const answers = { ...logs[2], ...changes };
  return async (path) => {
    const found = answers[path] ?? 404;
    return typeof found === "number" ? { status: found, body: null } : { status: 200, body: found };
  };
}

async function states(given: string, record = "", ask: Ask = portal()): Promise<string> {
  const { checks } = await verify(given, record, ask);
  return checks.map(({ state, word }) => `${state}:${word}`).join(" ");
}

for (const log of logs) {
  test(`a genuine receipt holds in a log of ${(log["/log/1/head"] as Answers)["size"]}`, async () => {
    const all = "ok:key ok:signature ok:record ok:entry ok:inclusion";
    assert.equal(await states(whole, "", portal(log)), all);
    assert.equal(await states(bare, vector.record, portal(log)), all);
  });
}

test("a receipt without its record holds by itself, and what is shown is said of each", async () => {
  assert.equal(await states(bare), "ok:key ok:signature ok:entry ok:inclusion");
  assert.equal((await verify(bare, "", portal())).shows, "receipt");
  assert.equal((await verify(whole, "", portal())).shows, "record");
  assert.equal((await verify(bare, vector.record, portal())).shows, "record");
});

test("what is missing is said and not taken for right", async () => {
  for (const [status, word] of [[401, "login"], [404, "entry_hidden"], [503, "away"]] as const)
    assert.equal(await states(whole, "", portal({ [ENTRY]: status })), `ok:key ok:signature ok:record skipped:${word}`);
  assert.equal(await states(whole, "", portal({ "/log/1/keys": 503 })), "skipped:away");
  const early = portal({ "/log/1/head": { size: 5, root: "00" } });
  assert.equal(await states(whole, "", early), "ok:key ok:signature ok:record ok:entry skipped:not_yet");
});

test("what was changed is found", async () => {
  const later = atob(vector.receipt.payload).replace("02:00:00", "01:00:00");
  const changed = JSON.stringify({ ...vector.receipt, payload: btoa(later) });
  assert.equal(await states(changed), "ok:key failed:signature_wrong");
  assert.equal(await states(bare, vector.record.replace("harga", "Harga")), "ok:key ok:signature failed:record_wrong");
  const entry = logs[2]?.[ENTRY] as Answers;
  const resealed = portal({ [ENTRY]: { ...entry, r: "00".repeat(32) } });
  assert.equal(await states(whole, "", resealed), "ok:key ok:signature ok:record failed:opening_wrong");
  const rewritten = portal({ "/log/1/head": { size: 13, root: "00".repeat(32) } });
  assert.equal(await states(whole, "", rewritten), "ok:key ok:signature ok:record failed:inclusion_wrong");
});

test("a key signs receipts, in its time, or it signs nothing", async () => {
  const [key] = (logs[2]?.["/log/1/keys"] as { keys: Answers[] }).keys;
  const with_ = (changes: Answers): Ask => portal({ "/log/1/keys": { keys: [{ ...key, ...changes }] } });
  assert.equal(await states(whole, "", with_({ kid: "other" })), "failed:key_unknown");
  assert.equal(await states(whole, "", with_({ lpse_purpose: "grant" })), "failed:key_unknown");
  assert.equal(await states(whole, "", with_({ lpse_owner: "registry" })), "failed:key_unknown");
  assert.equal(await states(whole, "", with_({ exp: 1750000000 })), "failed:key_not_valid");
  assert.equal(await states(whole, "", with_({ nbf: 1850000000 })), "failed:key_not_valid");
});

test("what is no receipt is refused before anything is asked", async () => {
  assert.equal(await states("{"), "failed:unreadable");
  assert.equal(await states("[]"), "failed:unreadable");
  assert.equal(await states('{"a": 1}'), "failed:no_receipt");
  const twice = { ...vector.receipt, signatures: [...vector.receipt.signatures, ...vector.receipt.signatures] };
  assert.equal(await states(JSON.stringify(twice)), "failed:no_receipt");
  const respelled = { ...vector.receipt, payload: ` ${vector.receipt.payload}` };
  assert.equal(await states(JSON.stringify(respelled)), "failed:no_receipt");
});

test("canonical JSON is that of RFC 8785", () => {
  const value = { b: [1, null, true], a: "\u00e9\n\u007f", "\ufb33": 2, "\ud83d\ude00": 1 };
  assert.equal(canonical(value), '{"a":"\u00e9\\n\u007f","b":[1,null,true],"\ud83d\ude00":1,"\ufb33":2}');
});

test("an instant is said to the millisecond in WIB, as the page's words have it", () => {
  const words = {
    days: "Min Sen Sel Rab Kam Jum Sab",
    months: "Jan Feb Mar Apr Mei Jun Jul Agu Sep Okt Nov Des",
    instant: "{day}, {date} {month} {year}, {hour}.{minute}.{second},{millisecond} WIB",
  };
  assert.equal(inWib(words, "2026-11-12T03:00:00.001Z"), "Kam, 12 Nov 2026, 10.00.00,001 WIB");
  assert.equal(inWib(words, "2026-12-31T17:00:00.000Z"), "Jum, 1 Jan 2027, 00.00.00,000 WIB");
});
