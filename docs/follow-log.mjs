#!/usr/bin/env node
// Follows a transparency log by the texts of C2SP alone (signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy, tlog-tiles,
// tlog-proof) and DSSE alone, without anything of OpenLPSE:
//
//     node follow-log.mjs https://lpse.kota.example/log/1/ STATE [POLICY] [RECEIPT]
// STATE keeps what was seen last: a log that does not go on from it is refused. POLICY is a file, or the LPSE's root of trust, which
// holds one and the keys of receipts; without it the portal's own is believed, which is right for the first time only.
import { createHash, createPublicKey, verify } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const leafHash = (entry) => sha256(Buffer.of(0), entry);
const ed25519 = (key) => createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: key.toString("base64url") }, format: "jwk" });
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);
const refuse = (why) => (console.error(`REFUSED: ${why}`), process.exit(1));

function base64(text) {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") !== text) refuse(`${text} is not canonical base64`);
  return bytes;
}

/** `name+id+base64(kind, key)` of signed-note. */
function verifierKey(text) {
  const [name, id, ...rest] = text.split("+");
  const material = base64(rest.join("+"));
  if (sha256(Buffer.from(`${name}\n`), material).toString("hex", 0, 4) !== id) refuse(`the key of ${name} has another id`);
  return { name, id, kind: material[0], key: ed25519(material.subarray(1)) };
}

/** tlog-policy: logs, witnesses, groups, and the one quorum. */
function readPolicy(text) {
  const policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: null };
  for (const line of text.split("\n")) {
    const [word, ...words] = line.split(/[ \t]+/).filter(Boolean);
    if (word === undefined || word.startsWith("#")) continue;
    if (word === "log") policy.logs.push(verifierKey(words[0]));
    else if (word === "witness") policy.witnesses.set(words[0], verifierKey(words[1]));
    else if (word === "group") {
      const members = words.slice(2);
      const least = { any: 1, all: members.length }[words[1]] ?? Number(words[1]);
      policy.groups.set(words[0], { least, members });
    } else if (word === "quorum") policy.quorum = words[0];
    else refuse(`the policy has a line ${word}`);
  }
  if (policy.quorum === null) refuse("the policy names no quorum");
  return policy;
}

function witnessed(policy, name, seen) {
  const group = policy.groups.get(name);
  return name === "none" ? true : group ? group.members.filter((one) => witnessed(policy, one, seen)).length >= group.least : seen.has(name);
}

/** signed-note: the text and the signatures under it. */
function readNote(data) {
  const gap = data.lastIndexOf("\n\n");
  const signatures = data.slice(gap + 2).trimEnd().split("\n").map((line) => {
    const found = /^— ([^ ]+) ([^ ]+)$/.exec(line);
    if (gap < 0 || !found) refuse(`no signature: ${line}`);
    const bytes = base64(found[2]);
    return { name: found[1], id: bytes.subarray(0, 4).toString("hex"), value: bytes.subarray(4) };
  });
  return { text: data.slice(0, gap + 1), signatures };
}

/** When `key` signed the text (cosignatures say it), or null. A signature of a known key that does not hold spoils the note. */
function signedBy(note, key) {
  let when = null;
  for (const { name, id, value } of note.signatures) {
    if (name !== key.name || id !== key.id) continue;
    const time = key.kind === 4 ? value.readBigUInt64BE(0) : 0n;
    const said = key.kind === 4 ? `cosignature/v1\ntime ${time}\n${note.text}` : note.text;
    if (!verify(null, Buffer.from(said), key.key, key.kind === 4 ? value.subarray(8) : value)) refuse(`a false signature of ${name}`);
    when = time;
  }
  return when;
}

/** tlog-checkpoint, signed by the log and by enough witnesses. */
function readCheckpoint(data, policy) {
  const note = readNote(data);
  const [origin, size, root] = note.text.split("\n");
  if (!policy.logs.some((key) => key.name === origin && signedBy(note, key) !== null)) refuse(`the log did not sign for ${origin}`);
  const seen = new Map();
  for (const [name, key] of policy.witnesses) {
    const when = signedBy(note, key);
    if (when !== null) seen.set(name, new Date(Number(when) * 1000).toISOString());
  }
  if (!witnessed(policy, policy.quorum, seen)) refuse(`too few witnesses: ${[...seen.keys()].join(", ") || "none"}`);
  return { origin, size: Number(size), root: base64(root), seen };
}

/** RFC 6962 over all leaves. */
function rootOf(leaves) {
  if (leaves.length < 2) return leaves[0] ?? sha256();
  const half = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return nodeHash(rootOf(leaves.slice(0, half)), rootOf(leaves.slice(half)));
}

/** The root to which an inclusion path leads; an index past the end is led like the last one. */
function climb(leaf, index, size, path) {
  const sibling = path.at(-1);
  if (size === 1 || !sibling) return size === 1 && !sibling ? leaf : refuse("the path is of another length");
  const half = 2 ** Math.floor(Math.log2(size - 1));
  return index < half
    ? nodeHash(climb(leaf, index, half, path.slice(0, -1)), sibling)
    : nodeHash(sibling, climb(leaf, index - half, size - half, path.slice(0, -1)));
}

async function fetched(url, optional = false) {
  const answer = await fetch(url);
  if (optional && answer.status === 404) return null;
  if (!answer.ok) refuse(`${url} answers ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}

/** tlog-tiles: the entries of a log of this size, out of its bundles. */
async function entriesOf(log, size) {
  const entries = [];
  for (let index = 0; index * 256 < size; index++) {
    const width = Math.min(256, size - index * 256);
    const groups = String(index).padStart(Math.ceil(String(index).length / 3) * 3, "0").match(/.../g);
    const path = groups.map((group, place) => (place < groups.length - 1 ? `x${group}` : group)).join("/");
    // the part of a bundle may go as soon as the whole is there
    const part = width < 256 && (await fetched(`${log}tile/entries/${path}.p/${width}`, true));
    const data = part || (await fetched(`${log}tile/entries/${path}`));
    for (let place = 0, read = 0; place < data.length && read < width; read++) {
      const end = place + 2 + data.readUInt16BE(place);
      entries.push(data.subarray(place + 2, end));
      place = end;
    }
  }
  return entries;
}

/** tlog-proof: what stands at its index of the log that witnesses saw. */
function checkProof(data, entry, policy) {
  const gap = data.indexOf("\n\n");
  const lines = data.slice(0, gap).split("\n").filter((line) => !line.startsWith("extra "));
  if (lines[0] !== "c2sp.org/tlog-proof@v1") refuse("no tlog-proof");
  const checkpoint = readCheckpoint(data.slice(gap + 2), policy);
  const index = Number(lines[1].replace("index ", ""));
  const path = lines.slice(2).map(base64);
  if (!(index < checkpoint.size) || !climb(leafHash(entry), index, checkpoint.size, path).equals(checkpoint.root)) refuse(`the entry does not stand at ${index} of ${checkpoint.size}`);
  return `its entry stands at ${index} of ${checkpoint.size}`;
}

/** A root of trust: a note that so many of the keys it names signed. */
function readTrust(data) {
  const note = readNote(data);
  const root = JSON.parse(note.text.slice(note.text.indexOf("\n")));
  const offices = root.roots.filter((key) => signedBy(note, verifierKey(key)) !== null).map((key) => key.slice(key.indexOf("+") + 10));
  if (root.threshold < 2 || new Set(offices).size < root.threshold) refuse("too few offices signed the root of trust");
  return root;
}

/** A receipt's file: canonical JSON, signed (DSSE) by the service whose entry of the log opens to the same record. */
function checkReceipt(data, trust, policy) {
  const { receipt, record, entry, proof } = JSON.parse(data);
  const [payload, type, { keyid, sig }] = [base64(receipt.payload), receipt.payloadType, receipt.signatures[0]];
  const said = JSON.parse(payload);
  const at = Date.parse(said.received_at) / 1000;
  const key = trust.receipts.find(({ kid, since, until }) => kid === keyid && since <= at && at < until);
  if (!key || type !== "application/vnd.lpse.receipt+json") refuse("nobody signed the receipt who may");
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${payload.length} `), payload]);
  if (!verify(null, signed, ed25519(base64(key.public)), base64(sig))) refuse("the receipt was changed");
  if (record !== undefined && sha256(Buffer.from(record)).toString("hex") !== said.record_sha256) refuse("the record is another");
  if (!proof) refuse("the receipt is provisional: download it again");
  const leaf = JSON.parse(entry.entry);
  const hidden = sha256(Buffer.from("log-opening/v1\0"), Buffer.from(entry.r, "hex"), Buffer.from(JSON.stringify(entry.opening)));
  if ((leaf.c ?? leaf.priv) !== hidden.toString("hex")) refuse("the entry hides something else");
  const opened = { ...entry.opening.body, ...leaf.pub };
  if (opened.record_sha256 !== said.record_sha256 || entry.opening.src !== key.owner) refuse("the entry is about something else");
  return `${said.code} holds, and ${checkProof(proof, Buffer.from(entry.entry), policy)}`;
}

const [address, stateFile, policyFile, receiptFile] = process.argv.slice(2);
if (!stateFile) refuse("usage: follow-log.mjs URL STATE [POLICY] [RECEIPT]");
const log = address.replace(/\/?$/, "/");
const given = policyFile ? readFileSync(policyFile, "utf8") : (await fetched(`${log}policy`)).toString();
const trust = given.includes("\n\n\u2014 ") ? readTrust(given) : null;
const policy = readPolicy(trust?.policy ?? given);
const now = readCheckpoint((await fetched(`${log}checkpoint`)).toString(), policy);
const leaves = (await entriesOf(log, now.size)).map(leafHash);
if (leaves.length !== now.size || !rootOf(leaves).equals(now.root)) refuse("the entries do not lead to the signed root");
if (existsSync(stateFile)) {
  const before = JSON.parse(readFileSync(stateFile, "utf8"));
  if (before.origin !== now.origin) refuse(`this is ${now.origin}, and ${before.origin} was seen before`);
  if (before.size > now.size) refuse(`the log had ${before.size} entries and has ${now.size}`);
  if (rootOf(leaves.slice(0, before.size)).toString("hex") !== before.root) refuse("what was seen before was changed");
}
writeFileSync(stateFile, JSON.stringify({ origin: now.origin, size: now.size, root: now.root.toString("hex") }));
console.log(`${now.origin}: ${now.size} entries, root ${now.root.toString("hex")}`);
for (const [name, when] of now.seen) console.log(`  seen by ${name} at ${when}`);
if (receiptFile) {
  const own = trust ?? readTrust((await fetched(new URL("/trust-root", log))).toString());
  console.log(`  the receipt ${checkReceipt(readFileSync(receiptFile, "utf8"), own, policy)}`);
}
