// Canonical JSON (RFC 8785) for what is hashed and signed, as integrity/canonical.py has it: no floats.

import { fromUtf8 } from "./bytes.ts";

export type Json = Record<string, unknown>;

const DEEPEST = 64;

/** What is not what it should be. What is wrong with it is nobody's concern: each layer has its own word. */
export class Wrong extends Error {}

/** Throws Wrong for what has no canonical form. */
export function canonical(value: unknown, depth = 0): string {
  if (depth > DEEPEST) throw new Wrong("nested too deep");
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth + 1)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    // JavaScript compares texts by UTF-16, as the RFC wants
    const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    return `{${members.map(([name, item]) => `${canonical(name)}:${canonical(item, depth + 1)}`).join(",")}}`;
  }
  if (typeof value === "string" && /\p{Surrogate}/u.test(value)) throw new Wrong("half of a surrogate pair");
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new Wrong("no integer that every language keeps");
  return JSON.stringify(value);
}

/** The value of canonical bytes. Throws Wrong for whatever else might mean the same: also for a key that stands twice. */
export function parse(bytes: Uint8Array): unknown {
  const text = fromUtf8(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    throw new Wrong("not JSON in UTF-8");
  }
  if (canonical(value) !== text) throw new Wrong("not in canonical form");
  return value;
}

/** An object with these fields, perhaps those, and no others. */
export function fields(value: unknown, names: readonly string[], optional: readonly string[] = []): Json {
  const found = object(value);
  if (!names.every((name) => Object.hasOwn(found, name))) throw new Wrong("a field is missing");
  if (!Object.keys(found).every((name) => names.includes(name) || optional.includes(name))) throw new Wrong("a field too many");
  return found;
}

export function object(value: unknown): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Wrong("no object");
  return value as Json;
}

export function text(value: unknown): string {
  if (typeof value !== "string") throw new Wrong("no text");
  return value;
}

export function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new Wrong("no list");
  return value;
}

export function integer(value: unknown): number {
  if (typeof value !== "number") throw new Wrong("no number");
  return value;
}

/** What is there, or Wrong. */
export function there<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Wrong("not as it is written");
  return value;
}
