// Whom to believe (C2SP tlog-policy), as integrity/policy.py: which logs, which witnesses, and how many of these are enough.

import { there, Wrong } from "./canonical.ts";
import { COSIGNATURE, type Key, parseKey, PLAIN, sameKey } from "./note.ts";

const NOBODY = "none";
const MOST = 256;

interface Group {
  readonly least: number;
  readonly members: readonly string[];
}

export interface Policy {
  readonly logs: Key[];
  readonly witnesses: Map<string, Key>;
  readonly groups: Map<string, Group>;
  readonly quorum: string;
}

export async function parsePolicy(said: string): Promise<Policy> {
  const lines = said.split("\n");
  if (/[\0-\x08\x0b-\x1f\x7f]/.test(said) || lines.pop() !== "") throw new Wrong("no policy");
  const logs: Key[] = [];
  const witnesses = new Map<string, Key>();
  const groups = new Map<string, Group>();
  const members = new Set<string>();
  let quorum: string | null = null;
  const isKnown = (name: string): boolean => witnesses.has(name) || groups.has(name);

  for (const line of lines) {
    const [word, ...words] = line.split(/[ \t]+/).filter((one) => one !== "");
    const [first = "", second = "", ...more] = words;
    if (word === undefined || word.startsWith("#")) continue;
    if (word === "log" && (words.length === 1 || words.length === 2)) {
      logs.push(await newKey(first, PLAIN, logs));
    } else if (word === "witness" && (words.length === 2 || words.length === 3)) {
      const key = await newKey(second, COSIGNATURE, [...witnesses.values()]);
      if (first === NOBODY || isKnown(first)) throw new Wrong("a name is taken");
      witnesses.set(first, key);
    } else if (word === "group" && more.length > 0) {
      for (const member of more) {
        if (!isKnown(member) || members.has(member)) throw new Wrong("nobody, or twice");
        members.add(member);
      }
      if (first === NOBODY || isKnown(first) || groups.size === MOST) throw new Wrong("a name is taken");
      groups.set(first, { least: least(second, more.length), members: more });
    } else if (word === "quorum" && words.length === 1 && quorum === null && (first === NOBODY || isKnown(first))) {
      quorum = first;
    } else throw new Wrong("no line of a policy");
  }
  return { logs, witnesses, groups, quorum: there(quorum) };
}

/** Whether these witnesses are enough. */
export function isSatisfied(policy: Policy, names: ReadonlySet<string>): boolean {
  const witnessed = (name: string): boolean => {
    const group = policy.groups.get(name);
    return group ? group.members.filter(witnessed).length >= group.least : names.has(name);
  };
  return policy.quorum === NOBODY || witnessed(policy.quorum);
}

async function newKey(line: string, kind: number, others: readonly Key[]): Promise<Key> {
  const key = await parseKey(line);
  const isTwice = others.some((other) => sameKey(key, other) || String(key.public) === String(other.public));
  if (key.kind !== kind || others.length === MOST || isTwice) throw new Wrong("no key for this");
  return key;
}

function least(word: string, members: number): number {
  if (word === "any" || word === "all") return word === "any" ? 1 : members;
  if (!/^[1-9][0-9]{0,8}$/.test(word) || Number(word) > members) throw new Wrong("no number of members");
  return Number(word);
}
