// The root of trust, as integrity/trust.py: on one page, signed by several offices, whose word about an LPSE counts and since when.

import { fromBase64, hex, sha256, utf8 } from "./bytes.ts";
import { canonical, fields, integer, list, parse, text, there, Wrong } from "./canonical.ts";
import { isKey } from "./ed25519.ts";
import { type Key, parseKey, parseNote, PLAIN, signedBy } from "./note.ts";
import { parsePolicy, type Policy } from "./policy.ts";

const FEWEST = 2;

/** Who may sign receipts, from when up to, but without, when, in seconds since 1970. */
export interface SigningKey {
  readonly kid: string;
  readonly owner: string;
  readonly public: Uint8Array;
  readonly since: number;
  readonly until: number;
}

export interface TrustRoot {
  readonly instance: string;
  readonly version: number;
  readonly policy: Policy;
  readonly receipts: readonly SigningKey[];
  /** SHA-256 of its text, in groups of four as it is printed. */
  readonly fingerprint: string;
}

/** From a signed note, believed as far as enough of its own roots signed it. Throws Wrong. */
export async function parseTrustRoot(bytes: Uint8Array): Promise<TrustRoot> {
  const note = parseNote(bytes);
  const cut = note.text.indexOf("\n");
  const names = ["type", "instance", "version", "roots", "threshold", "policy", "receipts", "seals"];
  const said = fields(parse(utf8(note.text.slice(cut + 1, -1))), names);
  const instance = text(said["instance"]);
  if (said["type"] !== "trust-root/v1" || note.text !== `${instance}/trust-root\n${canonical(said)}\n`)
    throw new Wrong("no root of trust");
  const version = integer(said["version"]);
  if (version < 1 || instance === "" || instance.includes("\n")) throw new Wrong("it names no instance or version");
  for (const seal of list(said["seals"])) there(fromBase64(seal));
  const receipts = list(said["receipts"]).map(signingKey);
  if (new Set(receipts.map((key) => key.kid)).size < receipts.length) throw new Wrong("a key stands there twice");

  const roots = await Promise.all(list(said["roots"]).map((root) => parseKey(text(root))));
  const threshold = integer(said["threshold"]);
  if (!(threshold >= FEWEST && threshold <= offices(roots) && offices(roots) === roots.length))
    throw new Wrong("too few roots, or one of them twice");
  if ((await signedBy(note, roots)).size < threshold) throw new Wrong("too few roots signed it");
  const fingerprint = hex(await sha256(utf8(note.text))).replace(/(.{4})(?!$)/g, "$1 ");
  return { instance, version, policy: await parsePolicy(text(said["policy"])), receipts, fingerprint };
}

function offices(roots: readonly Key[]): number {
  return new Set(roots.filter((key) => key.kind === PLAIN).map((key) => hex(key.public))).size;
}

function signingKey(value: unknown): SigningKey {
  const said = fields(value, ["kid", "owner", "public", "since", "until"]);
  const key = there(fromBase64(said["public"]));
  if (!isKey(key)) throw new Wrong("no key");
  return { kid: text(said["kid"]), owner: text(said["owner"]), public: key, since: integer(said["since"]), until: integer(said["until"]) };
}
