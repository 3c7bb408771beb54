// Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature), as integrity/note.py and checkpoint.py.

import { fromBase64, fromUtf8, hex, number, sha256, utf8 } from "./bytes.ts";
import { there, Wrong } from "./canonical.ts";
import { isKey, verify } from "./ed25519.ts";

export const PLAIN = 1;
export const COSIGNATURE = 4;
const LARGEST = 2n ** 63n - 1n;
const MOST_BYTES = 1 << 20;
const MOST_SIGNATURES = 64;
/** What Python calls a space, `+`, and half of a pair. */
const NOT_IN_NAMES = /[\0-\x20+\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\p{Surrogate}]/u;
const EMPTY_ROOT = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

export interface Key {
  readonly name: string;
  readonly id: string;
  readonly kind: number;
  readonly public: Uint8Array;
}

export interface Signature {
  readonly name: string;
  readonly id: string;
  readonly value: Uint8Array;
}

export interface Note {
  readonly text: string;
  readonly signatures: readonly Signature[];
}

export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Uint8Array;
}

/** `name+id+base64(kind, public key)`. */
export async function parseKey(line: string): Promise<Key> {
  const [, name, id, material] = there(/^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(line));
  const bytes = there(fromBase64(material));
  const key = { name: checkedName(there(name)), id: there(id), kind: there(bytes[0]), public: bytes.subarray(1) };
  if ((key.kind !== PLAIN && key.kind !== COSIGNATURE) || !isKey(key.public)) throw new Wrong("no key");
  const hash = await sha256(utf8(`${key.name}\n`), bytes);
  if (hex(hash.subarray(0, 4)) !== id) throw new Wrong("a key of another id");
  return key;
}

export function sameKey(one: { name: string; id: string }, other: { name: string; id: string }): boolean {
  return one.name === other.name && one.id === other.id;
}

function checkedName(name: string): string {
  if (name === "" || NOT_IN_NAMES.test(name)) throw new Wrong("no name");
  return name;
}

/** Nothing is believed of it yet. */
export function parseNote(bytes: Uint8Array): Note {
  const said = bytes.length > MOST_BYTES ? null : fromUtf8(bytes);
  if (said === null || /[\0-\x09\x0b-\x1f]/.test(said)) throw new Wrong("no text");
  const gap = said.lastIndexOf("\n\n");
  if (gap < 0 || !said.endsWith("\n")) throw new Wrong("no note");
  const lines = said.slice(gap + 2, -1).split("\n");
  if (lines.length > MOST_SIGNATURES) throw new Wrong("too many signatures");
  return { text: said.slice(0, gap + 1), signatures: lines.map(parseSignature) };
}

function parseSignature(line: string): Signature {
  const [, name, data] = there(/^\u2014 ([^ ]+) ([^ ]+)$/.exec(line));
  const bytes = there(fromBase64(data));
  if (bytes.length <= 4) throw new Wrong("no signature");
  return { name: checkedName(there(name)), id: hex(bytes.subarray(0, 4)), value: bytes.subarray(4) };
}

/** Which of the keys signed it, and when: the latest time of a cosignature, 0 where a signature says none. Throws Wrong where one
 * of them only seems to have. */
export async function signedBy(note: Note, keys: readonly Key[]): Promise<Map<Key, bigint>> {
  const found = new Map<Key, bigint>();
  for (const one of note.signatures) {
    const key = keys.find((known) => sameKey(known, one));
    if (key === undefined) continue;
    const time = await signedAt(note.text, key, one.value);
    const before = found.get(key) ?? 0n;
    found.set(key, time > before ? time : before);
  }
  return found;
}

async function signedAt(said: string, key: Key, value: Uint8Array): Promise<bigint> {
  const cosigned = key.kind === COSIGNATURE;
  const time = cosigned ? number(value.subarray(0, 8)) : 0n;
  const message = cosigned ? `cosignature/v1\ntime ${time}\n${said}` : said;
  if (time > LARGEST || !(await verify(key.public, cosigned ? value.subarray(8) : value, utf8(message))))
    throw new Wrong("a false signature");
  return time;
}

/** The text of a note as a checkpoint. */
export function parseCheckpoint(said: string): Checkpoint {
  const lines = said.split("\n");
  const rest = lines.pop();
  if (rest !== "" || lines.length < 3 || lines.includes("")) throw new Wrong("no checkpoint");
  const checkpoint = { origin: there(lines[0]), size: parseNumber(there(lines[1])), root: parseHash(there(lines[2])) };
  if (checkpoint.size === 0n && hex(checkpoint.root) !== EMPTY_ROOT) throw new Wrong("an empty log has one root");
  return checkpoint;
}

export function parseNumber(digits: string): bigint {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(digits) || BigInt(digits) > LARGEST) throw new Wrong("no number");
  return BigInt(digits);
}

export function parseHash(said: string): Uint8Array {
  const bytes = there(fromBase64(said));
  if (bytes.length !== 32) throw new Wrong("no hash");
  return bytes;
}

/** From a leaf to the root by RFC 6962; null where the path is not as long as these sizes need. */
export async function climb(leaf: Uint8Array, index: bigint, size: bigint, path: readonly Uint8Array[]): Promise<Uint8Array | null> {
  if (size === 1n) return path.length === 0 ? leaf : null;
  const sibling = path[path.length - 1];
  if (sibling === undefined) return null;
  let half = 1n;
  while (half * 2n < size) half *= 2n;
  const left = index < half;
  const below = await climb(leaf, left ? index : index - half, left ? half : size - half, path.slice(0, -1));
  return below && sha256(Uint8Array.of(1), ...(left ? [below, sibling] : [sibling, below]));
}

/** tlog-proof, without the extra data for which nobody vouches. */
export interface Proof {
  readonly index: bigint;
  readonly path: readonly Uint8Array[];
  readonly note: Note;
  readonly checkpoint: Checkpoint;
}

export function parseProof(said: string): Proof {
  const gap = said.indexOf("\n\n");
  if (gap < 0) throw new Wrong("no proof");
  const [first, index, ...path] = said.slice(0, gap).split("\n");
  if (first !== "c2sp.org/tlog-proof@v1" || !index?.startsWith("index ") || path.length > 63) throw new Wrong("no proof");
  const note = parseNote(utf8(said.slice(gap + 2)));
  return { index: parseNumber(index.slice(6)), path: path.map(parseHash), note, checkpoint: parseCheckpoint(note.text) };
}
