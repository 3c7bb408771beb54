// MD5 and SHA-256 of a file of any size, in a few megabytes of memory: the worker reads it slice by slice.

import { createMD5, createSHA256 } from "hash-wasm";

import { Cancelled } from "./api.ts";

export interface Prints {
  readonly md5: string;
  readonly sha256: string;
}

export type Told = { readonly done: number } | { readonly prints: Prints } | { readonly failed: string };

const SLICE = 1 << 20;

export async function digest(file: Blob, progress: (done: number) => void): Promise<Prints> {
  const [md5, sha256] = await Promise.all([createMD5(), createSHA256()]);
  for (let at = 0; at < file.size; at += SLICE) {
    const bytes = new Uint8Array(await file.slice(at, at + SLICE).arrayBuffer());
    md5.update(bytes);
    sha256.update(bytes);
    progress(Math.min(at + SLICE, file.size));
  }
  return { md5: md5.digest("hex"), sha256: sha256.digest("hex") };
}

/** Asks the worker at `script`. Rejects when the file cannot be read (it was moved or changed), or `signal` is aborted. */
export function fingerprints(
  file: File,
  script: string,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<Prints> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(script);
    const end = (settle: () => void): void => {
      worker.terminate();
      settle();
    };
    signal.addEventListener("abort", () => end(() => reject(new Cancelled())), { once: true });
    worker.addEventListener("error", () => end(() => reject(new Error("worker"))));
    worker.addEventListener("message", ({ data }: MessageEvent<Told>) => {
      if ("done" in data) progress(data.done);
      else if ("prints" in data) end(() => resolve(data.prints));
      else end(() => reject(new Error(data.failed)));
    });
    worker.postMessage(file);
  });
}
