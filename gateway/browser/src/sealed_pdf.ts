// The receipt that a PDF carries as an attachment. What the PDF shows beside it is for its seal to vouch for, not for us.

import { Wrong } from "./canonical.ts";
import { LARGEST, read } from "./receipt.ts";

export function isPdf(data: Uint8Array): boolean {
  return latin1(data.subarray(0, 1024)).includes("%PDF-");
}

/** The one attachment that is a receipt's file. Throws Wrong where there is none, or more than one: which would be meant? */
export async function attached(pdf: Uint8Array): Promise<Uint8Array> {
  const found: Uint8Array[] = [];
  const text = latin1(pdf);
  for (const { index } of text.matchAll(/\/EmbeddedFile\b(?!s)/g)) {
    const content = await streamAt(pdf, text, index);
    if (content && isReceipt(content)) found.push(content);
  }
  const [only, more] = found;
  if (!only || more) throw new Wrong("not one receipt");
  return only;
}

function isReceipt(content: Uint8Array): boolean {
  try {
    read(content);
    return true;
  } catch {
    return false;
  }
}

/** What the stream holds in whose dictionary this place is, or null. */
async function streamAt(pdf: Uint8Array, text: string, place: number): Promise<Uint8Array | null> {
  const begins = /\bstream\r?\n/g;
  begins.lastIndex = place;
  const start = begins.exec(text);
  if (!start) return null;
  const dictionary = text.slice(text.lastIndexOf(" obj", place), start.index);
  if (dictionary.includes("endobj")) return null;
  const length = /\/Length\s+(\d+)(?!\s+\d+\s+R)\b/.exec(dictionary)?.[1];
  const from = begins.lastIndex;
  const end = length === undefined ? text.slice(0, text.indexOf("endstream", from)).replace(/\r?\n$/, "").length : from + Number(length);
  const data = pdf.subarray(from, end);
  if (!dictionary.includes("/Filter")) return data;
  return /\/Filter\s*(\[\s*)?\/FlateDecode\s*(\]|\/|>>)/.test(dictionary) ? inflated(data) : null;
}

/** At most as much as a receipt may have: a small attachment can unpack to more than a phone holds. */
async function inflated(data: Uint8Array): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    const reader = new Blob([data.slice()]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      size += read.value.length;
      if (size > LARGEST) return null;
      parts.push(read.value);
    }
  } catch {
    return null;
  }
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

/** A character for each byte, so that places in the one are places in the other. */
function latin1(data: Uint8Array): string {
  return new TextDecoder("latin1").decode(data);
}
