/**
 * Checks a receipt where nobody but its owner sees it: signature, record, and its place in the public log.
 *
 * The same steps as integrity/dsse.py, integrity/entries.py and integrity/merkle.py. The words come from the page
 * (`data-says`), so that this file has no language.
 */

import { fill, type Words } from "./words.ts";

const PAYLOAD_TYPE = "application/vnd.lpse.receipt+json";
const OPENING_TYPE = "log-opening/v1";

export type State = "ok" | "failed" | "skipped";

/** `word`: what was checked, or why it could not be, as a key of the page's words; `places` are filled into it. */
export interface Check {
  state: State;
  word: string;
  places?: Record<string, string>;
}

/** `shows`: a receipt alone tells no price; with the record of the bid it does. */
export interface Outcome {
  receipt: Receipt | null;
  shows: "receipt" | "record";
  checks: Check[];
}

export interface Receipt {
  id: string;
  of: string;
  code: string;
  tender: string;
  received_at: string;
  record_sha256: string;
}

/** What an address of this portal answers: its status, and its JSON where there is one. */
export type Ask = (path: string) => Promise<{ status: number; body: unknown }>;

type Json = Record<string, unknown>;

/** A check that did not hold; no other needs to be made after it. */
class Broken extends Error {
  constructor(
    readonly word: string,
    readonly places: Record<string, string> = {},
    readonly state: State = "failed",
  ) {
    super(word);
  }
}

export async function verify(given: string, recordGiven: string, ask: Ask): Promise<Outcome> {
  const checks: Check[] = [];
  let receipt: Receipt | null = null;
  let shows: Outcome["shows"] = "receipt";
  try {
    const said = parsed(given);
    const { payload, keyid, signature } = envelope("receipt" in said ? said["receipt"] : said);
    const read = receiptOf(payload);
    const key = await keyOf(keyid, read, ask);
    checks.push({ state: "ok", word: "key", places: { kid: keyid } });
    await checkSignature(key, payload, signature);
    receipt = read;
    checks.push({ state: "ok", word: "signature" });
    const record = recordGiven.trim() || (typeof said["record"] === "string" ? said["record"] : "");
    if (record !== "") {
      shows = "record";
      await checkRecord(record, read);
      checks.push({ state: "ok", word: "record" });
    }
    checks.push(...(await checkLog(read, ask)));
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    checks.push({ state: error.state, word: error.word, places: error.places });
  }
  return { receipt, shows, checks };
}

function parsed(text: string): Json {
  try {
    return object(JSON.parse(text));
  } catch {
    throw new Broken("unreadable");
  }
}

function object(value: unknown): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Broken("unreadable");
  return value as Json;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new Broken("unreadable");
  return value;
}

/** One signature by one named key over our payload type, and nothing else. */
function envelope(value: unknown): { payload: Uint8Array; keyid: string; signature: Uint8Array } {
  const fields = object(value);
  const signatures = fields["signatures"];
  if (Object.keys(fields).sort().join() !== "payload,payloadType,signatures" || fields["payloadType"] !== PAYLOAD_TYPE)
    throw new Broken("no_receipt");
  if (!Array.isArray(signatures) || signatures.length !== 1) throw new Broken("no_receipt");
  const one = object(signatures[0]);
  if (Object.keys(one).sort().join() !== "keyid,sig") throw new Broken("no_receipt");
  return { payload: fromBase64(text(fields["payload"])), keyid: text(one["keyid"]), signature: fromBase64(text(one["sig"])) };
}

function receiptOf(payload: Uint8Array): Receipt {
  const said = new TextDecoder().decode(payload);
  const fields = parsed(said);
  if (fields["type"] !== "receipt/v1" || canonical(fields) !== said) throw new Broken("no_receipt");
  return {
    id: text(fields["id"]),
    of: text(fields["of"]),
    code: text(fields["code"]),
    tender: text(fields["tender"]),
    received_at: text(fields["received_at"]),
    record_sha256: text(fields["record_sha256"]),
  };
}

/** A key that may sign receipts and was valid when this one was made. */
async function keyOf(kid: string, receipt: Receipt, ask: Ask): Promise<CryptoKey> {
  const answer = await ask("/log/1/keys");
  if (answer.status !== 200) throw new Broken("away", {}, "skipped");
  const keys = object(answer.body)["keys"];
  const found = (Array.isArray(keys) ? keys : []).map(object).find((key) => key["kid"] === kid);
  if (found === undefined || found["lpse_owner"] !== "tender" || found["lpse_purpose"] !== "receipt")
    throw new Broken("key_unknown", { kid });
  const at = Date.parse(receipt.received_at) / 1000;
  if (!(Number(found["nbf"]) <= at && at < Number(found["exp"]))) throw new Broken("key_not_valid", { kid });
  const jwk = { kty: "OKP", crv: "Ed25519", x: text(found["x"]) };
  try {
    return await crypto.subtle.importKey("jwk", jwk, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    throw new Broken("no_ed25519", {}, "skipped");
  }
}

async function checkSignature(key: CryptoKey, payload: Uint8Array, signature: Uint8Array): Promise<void> {
  const kind = utf8(PAYLOAD_TYPE);
  const signed = joined(utf8(`DSSEv1 ${kind.length} `), kind, utf8(` ${payload.length} `), payload);
  if (!(await crypto.subtle.verify({ name: "Ed25519" }, key, whole(signature), whole(signed)))) throw new Broken("signature_wrong");
}

async function checkRecord(record: string, receipt: Receipt): Promise<void> {
  if (hex(await sha256(utf8(record))) !== receipt.record_sha256) throw new Broken("record_wrong");
}

/** The log hides a bid until it may be seen, so that its entry opens to who made the bid and to auditors alone. */
async function checkLog(receipt: Receipt, ask: Ask): Promise<Check[]> {
  const answer = await ask(`/log/1/entries/${encodeURIComponent(receipt.id)}`);
  if (answer.status === 401) return [{ state: "skipped", word: "login" }];
  if (answer.status === 404) return [{ state: "skipped", word: "entry_hidden" }];
  if (answer.status !== 200) return [{ state: "skipped", word: "away" }];
  const entry = object(answer.body);
  await checkOpening(entry, receipt);
  const index = Number(entry["index"]);
  const opened: Check = { state: "ok", word: "entry", places: { index: String(index) } };
  const head = await ask("/log/1/head");
  if (head.status !== 200) return [opened, { state: "skipped", word: "away" }];
  const { size, root } = object(head.body);
  if (index >= Number(size)) return [opened, { state: "skipped", word: "not_yet" }];
  const proof = await ask(`/log/1/proof/inclusion?index=${index}&size=${Number(size)}`);
  if (proof.status !== 200) return [opened, { state: "skipped", word: "away" }];
  const path = object(proof.body)["path"];
  const leaf = await sha256(joined(new Uint8Array([0]), utf8(text(entry["entry"]))));
  const climbed = await climb(leaf, index, Number(size), (Array.isArray(path) ? path : []).map((hash) => fromHex(text(hash))));
  if (climbed === null || hex(climbed) !== root) throw new Broken("inclusion_wrong");
  return [opened, { state: "ok", word: "inclusion", places: { index: String(index), size: String(size) } }];
}

/** What the entry committed to is this opening, and the opening names this receipt's record. */
async function checkOpening(entry: Json, receipt: Receipt): Promise<void> {
  const opening = object(entry["opening"]);
  const leaf = parsed(text(entry["entry"]));
  const hidden = joined(utf8(`${OPENING_TYPE}\0`), fromHex(text(entry["r"])), utf8(canonical(opening)));
  const committed = leaf["kind"] === "blind" ? leaf["c"] : leaf["priv"];
  if (hex(await sha256(hidden)) !== committed) throw new Broken("opening_wrong");
  if (object(opening["body"])["record_sha256"] !== receipt.record_sha256) throw new Broken("entry_wrong");
}

/** From a leaf to the root by RFC 6962; null where the path is not as long as these sizes need. */
async function climb(leaf: Uint8Array, index: number, size: number, path: Uint8Array[]): Promise<Uint8Array | null> {
  if (size === 1) return path.length === 0 ? leaf : null;
  const sibling = path[path.length - 1];
  if (sibling === undefined) return null;
  let half = 1;
  while (half * 2 < size) half *= 2;
  const left = index < half;
  const below = await climb(leaf, left ? index : index - half, left ? half : size - half, path.slice(0, -1));
  if (below === null) return null;
  return sha256(joined(new Uint8Array([1]), ...(left ? [below, sibling] : [sibling, below])));
}

/** RFC 8785 for what we sign: no floats. JavaScript compares keys by UTF-16, as the RFC wants. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    return `{${members.map(([name, item]) => `${JSON.stringify(name)}:${canonical(item)}`).join(",")}}`;
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new Broken("no_receipt");
  return JSON.stringify(value);
}

async function sha256(data: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole(data)));
}

function utf8(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A buffer of exactly these bytes, which is what WebCrypto takes. */
function whole(data: Uint8Array): ArrayBuffer {
  const buffer = new ArrayBuffer(data.length);
  new Uint8Array(buffer).set(data);
  return buffer;
}

/** Base64 in its one canonical spelling: another spelling of the same bytes would be another receipt. */
function fromBase64(value: string): Uint8Array {
  let binary = "";
  try {
    binary = atob(value);
  } catch {
    throw new Broken("no_receipt");
  }
  if (btoa(binary) !== value) throw new Broken("no_receipt");
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(value: string): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(value)) throw new Broken("unreadable");
  return Uint8Array.from(value.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

async function askPortal(path: string): Promise<{ status: number; body: unknown }> {
  try {
    const answer = await fetch(path, { headers: { accept: "application/json" }, credentials: "same-origin" });
    return { status: answer.status, body: await answer.json().catch(() => null) };
  } catch {
    return { status: 0, body: null };
  }
}

/** Shows the form of /periksa and answers it. Does nothing on other pages. */
export function mountVerify(root: Document): void {
  const place = root.querySelector<HTMLElement>("[data-verify]");
  const form = place?.querySelector("form");
  const result = place?.querySelector<HTMLElement>("[data-verify-result]");
  const [file, receipt, record] = ["berkas", "tanda-terima", "catatan"].map((id) => root.getElementById(id));
  if (!place || !form || !result) return;
  if (!(file instanceof HTMLInputElement && receipt instanceof HTMLTextAreaElement && record instanceof HTMLTextAreaElement)) return;
  const says = JSON.parse(place.dataset["says"] ?? "{}") as Words;
  const say = (word: string, places: Record<string, string> = {}): string => fill(says[word] ?? word, places);

  place.hidden = false;
  if (typeof crypto === "undefined" || crypto.subtle === undefined) {
    result.append(notice(root, "bad", say("no_ed25519")));
    return;
  }
  file.addEventListener("change", () => {
    void file.files?.[0]?.text().then((content) => {
      receipt.value = content;
    });
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    result.replaceChildren(paragraph(root, say("working")));
    verify(receipt.value, record.value, askPortal).then(
      (outcome) => result.replaceChildren(...shown(root, outcome, say, says)),
      () => result.replaceChildren(notice(root, "bad", say("unreadable"))),
    );
  });
}

type Say = (word: string, places?: Record<string, string>) => string;

function shown(root: Document, outcome: Outcome, say: Say, says: Words): HTMLElement[] {
  const { receipt, shows, checks } = outcome;
  // what is no receipt says nothing of any receipt
  if (checks.length === 1 && ["no_receipt", "unreadable"].includes(checks[0]?.word ?? "")) return [notice(root, "bad", say("no_receipt"))];
  const states = checks.map((check) => check.state);
  const verdict = states.includes("failed") ? "bad" : states.includes("skipped") ? "partly" : "good";
  const list = root.createElement("ul");
  list.className = "checks";
  for (const check of checks) {
    const mark = root.createElement("span");
    mark.className = `mark ${{ ok: "now", failed: "failed", skipped: "wait" }[check.state]}`;
    mark.textContent = say(check.state);
    const item = root.createElement("li");
    item.append(mark, ` ${say(check.word, check.places)}`);
    list.append(item);
  }
  const facts = receipt
    ? [paragraph(root, say(`of_${receipt.of}`, { code: receipt.code, tender: receipt.tender, at: inWib(says, receipt.received_at) })),
        paragraph(root, say(`shows_${shows}`))]
    : [];
  return [notice(root, verdict === "partly" ? "" : verdict, say(`verdict_${verdict}`)), ...facts, list];
}

const WIB = 7 * 3600 * 1000;

/** To the millisecond, which may decide, and as the pages say it (gateway/pages/formats.py), from whose words it is made. */
export function inWib(words: Words, instant: string): string {
  const at = new Date(Date.parse(instant) + WIB);
  const padded = (value: number, digits = 2): string => String(value).padStart(digits, "0");
  return fill(words["instant"] ?? "", {
    day: (words["days"] ?? "").split(" ")[at.getUTCDay()] ?? "",
    date: at.getUTCDate(),
    month: (words["months"] ?? "").split(" ")[at.getUTCMonth()] ?? "",
    year: at.getUTCFullYear(),
    hour: padded(at.getUTCHours()),
    minute: padded(at.getUTCMinutes()),
    second: padded(at.getUTCSeconds()),
    millisecond: padded(at.getUTCMilliseconds(), 3),
  });
}

function paragraph(root: Document, words: string): HTMLElement {
  const made = root.createElement("p");
  made.textContent = words;
  return made;
}

function notice(root: Document, kind: string, words: string): HTMLElement {
  const made = paragraph(root, words);
  made.className = `notice ${kind}`.trim();
  return made;
}
