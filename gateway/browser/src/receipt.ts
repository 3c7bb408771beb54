/**
 * Checks a receipt layer by layer, by what the root of trust says, without asking anybody: integrity/receipts.py once more, in
 * another language. Both find the same of every file, by the same words (tests/browser/test_checker.py).
 */

import { fromBase64, fromHex, hex, sha256, utf8 } from "./bytes.ts";
import { canonical, fields, type Json, list, object, parse, text, there, Wrong } from "./canonical.ts";
import { verify as verifySignature } from "./ed25519.ts";
import { climb, type Key, type Note, parseProof, type Proof, sameKey, signedBy } from "./note.ts";
import { isSatisfied } from "./policy.ts";
import type { TrustRoot } from "./trust.ts";

export type State = "ok" | "failed" | "missing";

/** What was found of one layer. `word` names the finding; the words themselves are the page's. */
export interface Check {
  readonly layer: string;
  readonly state: State;
  readonly word: string;
  readonly places: Readonly<Record<string, string>>;
}

/** `receipt` is what was signed, and null where nothing was. */
export interface Report {
  readonly receipt: Receipt | null;
  readonly checks: readonly Check[];
}

/** A file that somebody has, by both of its fingerprints in hexadecimal. */
export interface Original {
  readonly md5: string;
  readonly sha256: string;
}

export interface File extends Original {
  readonly name: string;
}

export interface Receipt {
  readonly of: string;
  readonly host: string;
  readonly code: string;
  readonly received_at: string;
  readonly signed_at: string;
  readonly record_sha256: string;
  readonly files: readonly File[];
  readonly tender?: unknown;
}

type Envelope = { kid: unknown; signature: unknown; payload: Uint8Array };

export const LARGEST = 4 << 20;
const PAYLOAD_TYPE = "application/vnd.lpse.receipt+json";
/** Of what there are receipts, which service may sign each, and as what the log has it. */
const KINDS = new Map([
  ["bid", new Map([["tender", "bid.submitted"]])],
  ["registration", new Map([["registry", "provider.registered"]])],
  ["complaint", new Map([["helpdesk", "complaint.submitted"]])],
  ["rejection", new Map([["tender", "bid.refused"], ["registry", "provider.rejected"]])],
]);

const check = (layer: string, state: State, word: string, places: Record<string, string> = {}): Check => ({ layer, state, word, places });

/** Every layer of a receipt's file, and whether it is about these files. */
export async function verify(data: Uint8Array, root: TrustRoot, originals: readonly Original[] = []): Promise<Report> {
  let file: Json, envelope: Envelope, said: Receipt;
  try {
    file = read(data);
    envelope = opened(file["receipt"]);
    said = receiptOf(envelope.payload);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return { receipt: null, checks: [check("form", "failed", "no_receipt")] };
  }
  const checks = [await signature(envelope, said, root)];
  if ("record" in file) checks.push(await record(text(file["record"]), said));
  checks.push(...originals.map((one) => original(one, said)));
  checks.push(...("proof" in file ? await log(file, said, root) : [check("entry", "missing", "not_yet")]));
  return { receipt: said, checks };
}

export function verdict(checks: readonly Check[]): "good" | "bad" | "partly" {
  const states = checks.map((one) => one.state);
  return states.includes("failed") ? "bad" : states.includes("missing") ? "partly" : "good";
}

/** The fields of a receipt's file. Throws Wrong. Nothing is believed of it yet. */
export function read(data: Uint8Array): Json {
  if (data.length > LARGEST) throw new Wrong("too long");
  const file = fields(parse(stripped(data)), ["type", "receipt"], ["record", "entry", "proof"]);
  if (file["type"] !== "receipt-file/v1" || "entry" in file !== "proof" in file) throw new Wrong("no receipt");
  if ("record" in file) text(file["record"]);
  return file;
}

function stripped(data: Uint8Array): Uint8Array {
  const isSpace = (byte: number | undefined): boolean => byte === 0x20 || (byte !== undefined && byte >= 9 && byte <= 13);
  let [start, end] = [0, data.length];
  while (start < end && isSpace(data[start])) start += 1;
  while (end > start && isSpace(data[end - 1])) end -= 1;
  return data.subarray(start, end);
}

/** DSSE: exactly one signature over exactly our type. */
function opened(value: unknown): Envelope {
  const envelope = fields(value, ["payload", "payloadType", "signatures"]);
  const signatures = list(envelope["signatures"]);
  const one = fields(signatures[0], ["keyid", "sig"]);
  if (signatures.length !== 1 || envelope["payloadType"] !== PAYLOAD_TYPE) throw new Wrong("no receipt");
  return { kid: one["keyid"], signature: one["sig"], payload: there(fromBase64(envelope["payload"])) };
}

function receiptOf(payload: Uint8Array): Receipt {
  const said = object(parse(payload));
  for (const name of ["of", "host", "id", "subject", "code", "received_at", "record_sha256", "signed_at", "status"]) text(said[name]);
  for (const file of list(said["files"]).map(object)) for (const name of ["name", "md5", "sha256"]) text(file[name]);
  if (said["type"] !== "receipt/v1" || !KINDS.has(text(said["of"]))) throw new Wrong("no receipt");
  return said as unknown as Receipt;
}

async function signature({ kid, signature, payload }: Envelope, said: Receipt, root: TrustRoot): Promise<Check> {
  if (said.host !== root.instance) return check("signature", "failed", "another_lpse", { host: said.host, instance: root.instance });
  const at = isInstant(said.signed_at) ? Math.trunc(Date.parse(said.signed_at) / 1000) : NaN;
  const key = root.receipts.find((one) => one.kid === kid && one.since <= at && at < one.until);
  if (key === undefined) return check("signature", "failed", "key_unknown", { kid: String(kid) });
  const whose = { kid: key.kid, owner: key.owner };
  if (!KINDS.get(said.of)?.has(key.owner)) return check("signature", "failed", "key_wrong", whose);
  const message = `DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `;
  const value = fromBase64(signature);
  const holds = value !== null && (await verifySignature(key.public, value, new Uint8Array([...utf8(message), ...payload])));
  return holds ? check("signature", "ok", "signature", whose) : check("signature", "failed", "signature_wrong");
}

/** UTC with milliseconds, as all of ours are written. */
function isInstant(said: unknown): said is string {
  return isTime(said, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
}

function isTime(said: unknown, form: RegExp): said is string {
  if (typeof said !== "string" || !form.test(said) || said.startsWith("0000")) return false;
  const at = new Date(said);
  return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 19) === said.slice(0, 19);
}

async function record(said: string, receipt: Receipt): Promise<Check> {
  const same = hex(await sha256(utf8(said))) === receipt.record_sha256;
  return same ? check("record", "ok", "record") : check("record", "failed", "record_wrong");
}

function original(one: Original, { files }: Receipt): Check {
  const same = files.find((file) => file.sha256 === one.sha256);
  if (same) {
    const { name } = same;
    return same.md5 === one.md5 ? check("original", "ok", "original", { name }) : check("original", "failed", "md5_wrong", { name });
  }
  const twin = files.find((file) => file.md5 === one.md5);
  return twin ? check("original", "failed", "sha256_wrong", { name: twin.name }) : check("original", "failed", "original_wrong");
}

async function log(file: Json, said: Receipt, root: TrustRoot): Promise<Check[]> {
  const checks = [await entry(file["entry"], said)];
  const proof = orNull(() => parseProof(text(file["proof"])));
  if (proof === null) return [...checks, check("checkpoint", "failed", "proof_unreadable")];
  return [...checks, ...(await seen(proof, root)), await inclusion(proof, file["entry"])];
}

/** The log's entry opens to an event of the deciding service that names the record of this receipt. */
async function entry(value: unknown, said: Receipt): Promise<Check> {
  try {
    const { src, kind, body } = await openedEntry(value);
    const fits = KINDS.get(said.of)?.get(src) === kind && body["record_sha256"] === said.record_sha256;
    return fits ? check("entry", "ok", "entry") : check("entry", "failed", "entry_wrong");
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return check("entry", "failed", "opening_wrong");
  }
}

/** What the entry is, and all it says, hidden or not. */
async function openedEntry(value: unknown): Promise<{ src: string; kind: string; body: Json }> {
  const file = fields(value, ["entry", "opening", "r"]);
  const opening = fields(file["opening"], ["kind", "at", "src", "place", "actor", "body"]);
  const [src, kind, at, r] = [text(opening["src"]), text(opening["kind"]), opening["at"], there(fromHex(file["r"]))];
  if (!isInstant(at) || !isCommitment(opening["place"]) || r.length !== 32) throw new Wrong("no opening");
  const leaf = leafOf(text(file["entry"]));
  const blind = leaf["kind"] === "blind";
  const fits = blind ? String(leaf["at"]) >= `${at.slice(0, 17)}00Z` : leaf["kind"] === kind && leaf["at"] === at;
  const hidden = hex(await sha256(utf8("log-opening/v1\0"), r, utf8(canonical(opening))));
  if (!fits || leaf[blind ? "c" : "priv"] !== hidden) throw new Wrong("the entry committed to something else");
  return { src, kind, body: { ...object(opening["body"]), ...(blind ? {} : object(leaf["pub"])) } };
}

/** The fields of an entry, public or blind. */
function leafOf(said: string): Json {
  const bytes = utf8(said);
  if (bytes.length > 32 * 1024) throw new Wrong("too long");
  const leaf = object(parse(bytes));
  if ("pub" in leaf) {
    fields(leaf, ["v", "kind", "at", "pub", "priv"]);
    object(leaf["pub"]);
    if (text(leaf["kind"]) === "blind" || !isInstant(leaf["at"]) || !isCommitment(leaf["priv"])) throw new Wrong("no public entry");
  } else {
    fields(leaf, ["v", "kind", "at", "c"]);
    const isMinute = isTime(leaf["at"], /^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/);
    if (leaf["kind"] !== "blind" || !isMinute || !isCommitment(leaf["c"])) throw new Wrong("no blind entry");
  }
  if (leaf["v"] !== 1) throw new Wrong("another version");
  return leaf;
}

function isCommitment(said: unknown): boolean {
  return typeof said === "string" && /^[0-9a-f]{64}$/.test(said);
}

/** The log signed what the entry is in, and enough witnesses saw it. Whoever else signed is one too many: nobody could notice a
 * change of that line. */
async function seen({ note, checkpoint }: Proof, { policy }: TrustRoot): Promise<Check[]> {
  const checks: Check[] = [];
  const stranger = note.signatures.find((one) => ![...policy.logs, ...policy.witnesses.values()].some((key) => sameKey(key, one)));
  if (stranger) checks.push(check("checkpoint", "failed", "signer_unknown", { name: stranger.name }));
  const logs = [...((await signers(note, policy.logs))?.keys() ?? [])];
  const places = { size: String(checkpoint.size), origin: checkpoint.origin };
  checks.push(
    logs.some((key) => key.name === checkpoint.origin)
      ? check("checkpoint", "ok", "checkpoint", places)
      : check("checkpoint", "failed", "checkpoint_wrong"),
  );
  const times = await signers(note, [...policy.witnesses.values()]);
  if (times === null) return [...checks, check("witnesses", "failed", "witness_false")];
  const names = [...policy.witnesses].filter(([, key]) => times.has(key)).sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [name, key] of names) checks.push(check("witnesses", "ok", "witness", { name, at: instant(times.get(key) ?? 0n) }));
  if (names.length === 0 && isSatisfied(policy, new Set())) checks.push(check("witnesses", "ok", "witnesses_none"));
  if (!isSatisfied(policy, new Set(names.map(([name]) => name))))
    checks.push(check("witnesses", "failed", "witnesses_few", { names: [...policy.witnesses.keys()].join(", ") }));
  return checks;
}

/** Null where a known key only seems to have signed. */
async function signers(note: Note, keys: readonly Key[]): Promise<Map<Key, bigint> | null> {
  try {
    return await signedBy(note, keys);
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return null;
  }
}

/** In words that a calendar has: up to the year 9999. */
function instant(second: bigint): string {
  return second < 253402300800n ? new Date(Number(second) * 1000).toISOString().replace(".000", "") : String(second);
}

async function inclusion({ index, path, checkpoint }: Proof, value: unknown): Promise<Check> {
  const said = orNull(() => text(object(value)["entry"]));
  const leaf = said === null || index >= checkpoint.size ? null : await sha256(Uint8Array.of(0), utf8(said));
  const found = leaf && (await climb(leaf, index, checkpoint.size, path));
  if (!found || hex(found) !== hex(checkpoint.root)) return check("inclusion", "failed", "inclusion_wrong");
  return check("inclusion", "ok", "inclusion", { index: String(index), size: String(checkpoint.size) });
}

function orNull<T>(made: () => T): T | null {
  try {
    return made();
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return null;
  }
}
