// What this side finds of whatever tests/browser/test_both.py asks, to be compared with what Python finds.

import { fromBase64, whole } from "../src/bytes.ts";
import { canonical, parse, there, Wrong } from "../src/canonical.ts";
import { verify as verifySignature } from "../src/ed25519.ts";
import { type Original, verdict, verify } from "../src/receipt.ts";
import { attached } from "../src/sealed_pdf.ts";
import { parseTrustRoot } from "../src/trust.ts";

interface Asked {
  roots: string[];
  files: { root: number; data: string; originals: Original[] }[];
  values: string[];
  signatures: [string, string, string][];
  pdfs: string[];
}

const bytes = (said: string): Uint8Array => there(fromBase64(said));

/** Null where it is refused; whatever else goes wrong is a mistake of ours. */
async function orNull<T>(made: () => T | Promise<T>): Promise<T | null> {
  try {
    return await made();
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return null;
  }
}

export async function answers(asked: Asked): Promise<unknown> {
  const roots = await Promise.all(asked.roots.map((root) => orNull(() => parseTrustRoot(bytes(root)))));
  const files: unknown[] = [];
  for (const { root, data, originals } of asked.files) {
    const { receipt, checks } = await verify(bytes(data), there(roots[root]), originals);
    files.push({ receipt, verdict: verdict(checks), checks });
  }
  const values = await Promise.all(asked.values.map((value) => orNull(() => canonical(parse(bytes(value))))));
  const signatures = await Promise.all(asked.signatures.map(([key, value, message]) => verifySignature(bytes(key), bytes(value), bytes(message))));
  const pdfs = await Promise.all(asked.pdfs.map((pdf) => orNull(async () => new TextDecoder().decode(whole(await attached(bytes(pdf)))))));
  return { roots: roots.map((root) => root?.fingerprint ?? null), files, values, signatures, pdfs };
}

