import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mock, test } from "node:test";

import { Broken, Cancelled, meaning, newKey, Refused } from "../src/api.ts";
import { digest } from "../src/fingerprints.ts";
import { Patience, pause } from "../src/patience.ts";
import { drop, keep, kept } from "../src/storage.ts";
import { encoded, grantId, inSentences, mountUpload } from "../src/upload.ts";
import { exactSize, fill, size, timeLeft } from "../src/words.ts";

const MIB = 1 << 20;

for (const length of [0, 1, 63, 64, MIB - 1, MIB, MIB + 1, 3 * MIB + 17]) {
  test(`both fingerprints of ${length} bytes are those of another implementation`, async () => {
    const bytes = Uint8Array.from({ length }, (_, place) => (place * 31 + (place >> 8)) & 255);
    const seen: number[] = [];
    const prints = await digest(new Blob([bytes]), (done) => seen.push(done));
    assert.equal(prints.md5, createHash("md5").update(bytes).digest("hex"));
    assert.equal(prints.sha256, createHash("sha256").update(bytes).digest("hex"));
    assert.equal(seen.at(-1) ?? 0, length);
    assert.deepEqual(seen, [...seen].sort((a, b) => a - b));
  });
}

test("an answer is what it says, a refusal, or a reason to ask again", () => {
  assert.deepEqual(meaning(201, '{"id": 1}'), { id: 1 });
  assert.equal(meaning(204, ""), null);
  const problem = '{"code": "stage_closed", "detail": "x", "article": "Pasal 14"}';
  assert.throws(
    () => meaning(422, problem),
    (error) => error instanceof Refused && error.problem.article === "Pasal 14" && error.problem.status === 422,
  );
  for (const status of [408, 429, 502, 503, 504]) {
    assert.throws(() => meaning(status, '{"code": "away"}'), (error) => error instanceof Broken);
  }
  assert.throws(() => meaning(429, '{"code": "q", "retry_after": 7}'), (error) => error instanceof Broken && error.seconds === 7);
  assert.throws(() => meaning(429, '{"code": "upload_quota", "retry_after": 3600}'), (error) => error instanceof Refused);
  assert.throws(() => meaning(409, '{"code": "too_many_attempts"}'), (error) => error instanceof Broken);
  assert.throws(() => meaning(200, "<html>a gate of the hotel"), (error) => error instanceof Broken);
  assert.throws(() => meaning(500, ""), (error) => error instanceof Refused && error.problem.code === "http_500");
});

test("what a service could not take is said in the words of the page", () => {
  const words = { literal_error: "Choose one.", "literal_error.media_type": "PDF only.", too_long: "At most {most}." };
  const wrong = (at: string, type: string, ctx = {}) => ({ at, type, why: "Input should be", ctx });
  assert.equal(inSentences([wrong("body/media_type", "literal_error"), wrong("body/0", "literal_error")], words), "PDF only. Choose one.");
  assert.equal(inSentences([wrong("body/name", "too_long", { most: "5" }), wrong("body/x", "new")], words), "At most 5. Input should be");
  assert.equal(inSentences([], words), "");
});

test("pauses grow, up to half a minute, and never fall below what was asked", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 6, 7, 50].map((failures) => pause(failures)), [1, 2, 4, 8, 16, 30, 30, 30]);
  assert.equal(pause(1, 7), 7);
});

test("what broke is asked again until it is answered, and what is refused is not", async () => {
  const shown: (number | null)[] = [];
  const controller = new AbortController();
  const patience = new Patience({ show: (seconds) => hurrying(seconds) }, controller.signal);
  const hurrying = (seconds: number | null): void => {
    shown.push(seconds);
    setTimeout(() => patience.hurry());
  };
  let asked = 0;
  const answer = await patience.until(async (again) => {
    assert.equal(again, asked > 0);
    asked += 1;
    if (asked < 4) throw new Broken();
    return "there";
  });
  assert.equal(answer, "there");
  assert.deepEqual(shown, [1, null, 2, null, 4, null]);
  const problem = { status: 422, code: "no", detail: "no" };
  await assert.rejects(patience.until(() => Promise.reject(new Refused(problem))), (error) => error instanceof Refused);
});

test("who cancels while it waits is not kept waiting", async () => {
  const controller = new AbortController();
  const patience = new Patience({ show: () => setTimeout(() => controller.abort()) }, controller.signal);
  await assert.rejects(patience.until(() => Promise.reject(new Broken(30))), (error) => error instanceof Cancelled);
});

test("without a hurry it waits as many seconds as it says", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const shown: (number | null)[] = [];
  const patience = new Patience({ show: (seconds) => shown.push(seconds) }, new AbortController().signal);
  let asked = 0;
  const done = patience.until(async () => {
    asked += 1;
    if (asked === 1) throw new Broken(3);
  });
  for (let second = 0; second < 3; second += 1) {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    assert.equal(asked, 1);
    mock.timers.tick(1000);
  }
  await done;
  mock.timers.reset();
  assert.deepEqual(shown, [3, 2, 1, null]);
});

test("a name is written as RFC 8187 wants it", () => {
  assert.equal(encoded("Surat (asli) 'é'*.pdf"), "Surat%20%28asli%29%20%27%C3%A9%27%2A.pdf");
});

test("a grant tells its own number", () => {
  const middle = btoa(JSON.stringify({ jti: "0198-ÿ?>".slice(0, 4), x: "??>>" })).replace(/\+/g, "-").replace(/\//g, "_");
  assert.equal(grantId(`a.${middle.replace(/=+$/, "")}.c`), "0198");
});

test("figures are written in the page's language", () => {
  assert.equal(size(3_481_277, "id"), "3,3 MB");
  assert.equal(size(3_481_277, "en"), "3.3 MB");
  assert.equal(size(0, "id"), "0 byte");
  assert.equal(size(1023, "en"), "1,023 bytes");
  assert.equal(exactSize(1023, "id"), "1.023 byte");
  assert.equal(exactSize(3_481_277, "id"), "3,3 MB (3.481.277 byte)");
  assert.equal(exactSize(3_481_277, "en"), "3.3 MB (3,481,277 bytes)");
  assert.equal(size(300 * MIB, "id"), "300 MB");
  assert.equal(fill("{a} dari {b} {c}", { a: 1, b: "x" }), "1 dari x {c}");
  const words = { seconds_left: "{seconds} s", minutes_left: "{minutes} min" };
  assert.equal(timeLeft(0.2, words), "1 s");
  assert.equal(timeLeft(89.4, words), "89 s");
  assert.equal(timeLeft(600, words), "10 min");
  assert.equal(timeLeft(Infinity, words), "");
});

test("every request has a name of its own", () => {
  const keys = new Set(Array.from({ length: 100 }, newKey));
  assert.equal(keys.size, 100);
  for (const key of keys) assert.equal(/^[0-9a-f]{32}$/.test(key), true);
});

test("a browser that refuses to store stops nothing", () => {
  const refuse = (): never => {
    throw new DOMException("denied", "SecurityError");
  };
  for (const which of ["localStorage", "sessionStorage"] as const) {
    const before = Object.getOwnPropertyDescriptor(globalThis, which);
    Object.defineProperty(globalThis, which, { configurable: true, get: refuse });
    assert.deepEqual([kept(which, "a"), keep(which, "a", "b"), drop(which, "a")], [null, false, undefined]);
    mountUpload({ querySelectorAll: () => [] } as unknown as Document);
    if (before) Object.defineProperty(globalThis, which, before);
    else Reflect.deleteProperty(globalThis, which);
  }
});
