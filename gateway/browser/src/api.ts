// The portal's own API, as a page of it calls it: the session's cookie goes along by itself.

/** One field that a service could not take: where it stands, what kind of mistake it is, and the limits it broke. */
export interface Mistake {
  readonly at: string;
  readonly why: string;
  readonly type: string;
  readonly ctx?: Readonly<Record<string, string>>;
}

export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly article?: string;
  readonly remedy?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly errors?: readonly Mistake[];
  readonly upload?: string;
  readonly retry_after?: number;
}

/** The portal said no, and why. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.code);
  }
}

/** No answer, or one that says: later. Asking again is right and harmless. */
export class Broken extends Error {
  constructor(readonly seconds = 0) {
    super("broken");
  }
}

export class Cancelled extends Error {}

const LATER = new Set([408, 425, 429, 499, 502, 503, 504]);
const LONGEST = 60;

/** What an answer means: its body, Broken, or Refused. `text` is what came as a body. */
export function meaning(status: number, text: string): unknown {
  let told: unknown;
  try {
    told = text ? JSON.parse(text) : null;
  } catch {
    throw new Broken();
  }
  if (status >= 200 && status < 300) return told;
  const problem = { code: `http_${status}`, detail: `HTTP ${status}`, ...(told as object | null), status } as Problem;
  const wait = problem.retry_after ?? 0;
  // an upload that broke off occupies its place until the server has noticed
  if (problem.code === "too_many_attempts" || (LATER.has(status) && wait <= LONGEST)) throw new Broken(wait);
  throw new Refused(problem);
}

export async function post(path: string, body: unknown, key: string, signal: AbortSignal): Promise<unknown> {
  return asked(path, signal, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json", "idempotency-key": key },
  });
}

export async function get(path: string, signal: AbortSignal): Promise<unknown> {
  return asked(path, signal, {});
}

async function asked(path: string, signal: AbortSignal, init: RequestInit): Promise<unknown> {
  let status: number, text: string;
  try {
    const answer = await fetch(path, { ...init, signal, cache: "no-store" });
    [status, text] = [answer.status, await answer.text()];
  } catch {
    throw signal.aborted ? new Cancelled() : new Broken();
  }
  return meaning(status, text);
}

/** One streaming PUT; the browser reads the file from the disk as it sends. */
export function put(
  path: string,
  file: File,
  headers: Readonly<Record<string, string>>,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", path);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => progress(event.loaded));
    request.addEventListener("load", () => {
      try {
        resolve(meaning(request.status, request.responseText));
      } catch (error) {
        reject(error as Error);
      }
    });
    request.addEventListener("error", () => reject(new Broken()));
    request.addEventListener("abort", () => reject(new Cancelled()));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file);
  });
}

/** Names a request, so that sending it twice does it once. (`randomUUID` exists over TLS only.) */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
