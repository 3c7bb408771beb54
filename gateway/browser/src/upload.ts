// A file, handed in: asked leave for, sent and fingerprinted at the same time, compared, and told to its owner.
//
// The macro `upload` of gateway/templates/parts.html writes the markup and the words; here is what happens in it.

import { Broken, Cancelled, get, newKey, post, put, Refused, type Mistake, type Problem } from "./api.ts";
import { fingerprints, type Prints } from "./fingerprints.ts";
import { Patience } from "./patience.ts";
import { drop, keep, kept } from "./storage.ts";
import { exactSize, fill, size, timeLeft, type Words } from "./words.ts";

interface Begun {
  readonly id: string;
  readonly grant: string;
  readonly upload: string;
}

interface Stored extends Prints {
  readonly statement: string;
}

const SHOWN_AFTER = "lpse.upload";

export function mountUpload(page: Document): void {
  const boxes = [...page.querySelectorAll<HTMLElement>("[data-upload]")].map((box) => new Box(box));
  for (const box of boxes) box.wake();
  showWhatWasSent(page, boxes);
}

/** After the page was loaded anew, what was just sent stands there once more with both fingerprints. */
function showWhatWasSent(page: Document, boxes: readonly Box[]): void {
  const shown = kept("sessionStorage", SHOWN_AFTER);
  drop("sessionStorage", SHOWN_AFTER);
  if (!shown) return;
  const [id, said, html] = JSON.parse(shown) as [string, string, string];
  const template = page.createElement("template");
  template.innerHTML = html;
  const box = boxes.find((one) => one.id === id);
  if (box) {
    box.received(template.content, said);
    return;
  }
  const place = page.createElement("div");
  place.className = "notice good";
  place.setAttribute("role", "status");
  const list = page.createElement("ul");
  list.className = "files";
  list.append(template.content);
  place.append(said, list);
  const here = page.querySelector("[data-sent]");
  if (here) here.append(place);
  else page.querySelector("main .wide")?.prepend(place);
}

class Box {
  private readonly words: Words;
  private readonly language: string;
  private readonly input: HTMLInputElement;
  private running: AbortController | null = null;
  private patience: Patience | null = null;
  private key = newKey();
  private quarter = 0;
  private unreadable: unknown = null;

  constructor(private readonly box: HTMLElement) {
    this.words = JSON.parse(box.dataset["words"] ?? "{}") as Words;
    this.language = document.documentElement.lang || "id";
    this.input = this.part("input[type=file]");
  }

  get id(): string {
    return this.box.id;
  }

  received(card: DocumentFragment, said: string): void {
    this.part(".files").append(card);
    this.part(".state").textContent = said;
  }

  wake(): void {
    this.part(".needs").hidden = true;
    this.part(".work").hidden = false;
    this.input.addEventListener("change", () => this.chosen());
    this.part(".send").addEventListener("click", () => void this.send());
    this.part(".again").addEventListener("click", () => this.patience?.hurry());
    this.part(".cancel").addEventListener("click", () => this.running?.abort());
    this.part(".files").addEventListener("click", (event) => this.remove(event));
    addEventListener("beforeunload", (event) => {
      if (this.running) event.preventDefault();
    });
  }

  /** Another file is another matter: a new request, a new grant. */
  private chosen(): void {
    this.key = newKey();
    this.refuse(null);
    this.say("");
  }

  private async send(): Promise<void> {
    const file = this.input.files?.[0];
    if (this.running) return;
    if (!file) {
      this.say("choose");
      this.input.focus();
      return;
    }
    const running = (this.running = new AbortController());
    this.unreadable = null;
    this.patience = new Patience({ show: (seconds) => this.wait(seconds) }, running.signal);
    this.busy(true);
    try {
      await this.handIn(file, this.patience, running.signal);
    } catch (error) {
      running.abort();
      await this.failed(this.unreadable ?? error);
    } finally {
      this.running = this.patience = null;
      this.busy(false);
    }
  }

  private async handIn(file: File, patience: Patience, signal: AbortSignal): Promise<void> {
    this.say("started", { name: file.name });
    const progress = new Progress(file.size, (line, share) => this.advance(line, share), this.words, this.language);
    const mine = fingerprints(file, this.box.dataset["worker"] ?? "", (done) => progress.hashed(done), signal);
    mine.catch((error: unknown) => {
      this.unreadable = error; // it was moved or changed on the disk: there is no sense in sending it
      this.running?.abort();
    });
    const type = file.type || (this.box.dataset["media"] ?? "").split(",")[0] || "application/octet-stream";
    const body = this.bodyFor(file.name, type);
    const begin = this.box.dataset["begin"] ?? "";
    const begun = (await patience.until(() => post(begin, body, this.key, signal))) as Begun;
    const stored = await this.transfer(begun, file, type, patience, progress, signal);
    const prints = await mine;
    if (prints.md5 !== stored.md5 || prints.sha256 !== stored.sha256) throw new Unequal();
    this.advance("", 1);
    await this.told(file, begun, stored, prints, patience, signal);
  }

  /** What the page gives along wins; a null there leaves a field out. */
  private bodyFor(name: string, media_type: string): Record<string, unknown> {
    const given = JSON.parse(this.box.dataset["body"] || "{}") as Record<string, unknown>;
    return Object.fromEntries(Object.entries({ name, media_type, ...given }).filter(([, value]) => value !== null));
  }

  private async transfer(
    begun: Begun,
    file: File,
    type: string,
    patience: Patience,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<Stored> {
    const headers = {
      "lpse-grant": begun.grant,
      "content-type": type,
      "content-disposition": `attachment; filename*=UTF-8''${encoded(file.name)}`,
    };
    const moving = (done: number): void => {
      patience.moving();
      progress.sent(done);
    };
    return (await patience.until(async (again) => {
      const finished = again ? await arrived(begun, signal) : null; // only the answer may have been lost
      if (finished) return finished;
      progress.restart();
      try {
        return await put(begun.upload, file, headers, moving, signal);
      } catch (error) {
        const where = error instanceof Refused ? error.problem.upload : undefined;
        if (!where) throw error;
        return await get(where, signal);
      }
    })) as Stored;
  }

  /** The owner gets the statement and both fingerprints: now, or with the form that this belongs to. */
  private async told(
    file: File,
    begun: Begun,
    stored: Stored,
    mine: Prints,
    patience: Patience,
    signal: AbortSignal,
  ): Promise<void> {
    const said = { statement: stored.statement, md5: mine.md5, sha256: mine.sha256 };
    const card = this.card(file, mine, stored);
    this.part(".files").append(card);
    const { finish, collect } = this.box.dataset;
    if (finish) {
      card.querySelector(".remove")?.remove();
      this.say("telling");
      await patience.until(() => post(finish.replace("{id}", begun.id), said, `${this.key}-file`, signal));
      this.say("received", { name: file.name });
      keep("sessionStorage", SHOWN_AFTER, JSON.stringify([this.id, this.part(".state").textContent, card.outerHTML]));
      this.running = null;
      location.replace(location.pathname + location.search);
    } else if (collect) {
      this.collected(card, collect.replace(/^#/, ""), { file: begun.id, ...said }, file.name);
      this.input.value = "";
      this.say("collected", { name: file.name });
    } else {
      card.querySelector(".remove")?.remove();
      this.say("received", { name: file.name });
    }
  }

  private collected(card: HTMLElement, form: string, fields: Readonly<Record<string, string>>, name: string): void {
    const taken = [...document.querySelectorAll<HTMLInputElement>('input[name^="files."]')];
    const next = Math.max(-1, ...taken.map((field) => Number(field.name.split(".")[1]))) + 1;
    const all = Object.entries(fields).map(([field, value]) => [`files.${next}.${field}`, value] as const);
    for (const [field, value] of [...all, [`collected.${next}`, name] as const]) {
      const hidden = document.createElement("input");
      hidden.type = "hidden";
      hidden.name = field;
      hidden.value = value;
      hidden.setAttribute("form", form);
      card.append(hidden);
    }
  }

  private remove(event: Event): void {
    const button = (event.target as Element).closest(".remove");
    const card = button?.closest("li");
    if (!card) return;
    const name = card.querySelector(".name")?.textContent ?? "";
    card.remove();
    this.say("removed", { name });
    this.input.focus();
  }

  private card(file: File, mine: Prints, stored: Prints): HTMLElement {
    const template = this.part<HTMLTemplateElement>("template");
    const card = (template.content.cloneNode(true) as DocumentFragment).firstElementChild as HTMLElement;
    const put = (selector: string, text: string): void => {
      const place = card.querySelector(selector);
      if (place) place.textContent = text;
    };
    put(".name", file.name);
    put(".size", exactSize(file.size, this.language));
    put(".md5 .mine", mine.md5);
    put(".md5 .theirs", stored.md5);
    put(".sha256 .mine", mine.sha256);
    put(".sha256 .theirs", stored.sha256);
    return card;
  }

  // What the person sees and hears

  private say(word: string, places: Readonly<Record<string, string | number>> = {}): void {
    this.part(".state").textContent = word ? fill(this.words[word] ?? word, places) : "";
  }

  private busy(busy: boolean): void {
    const held = this.box.contains(document.activeElement);
    this.box.setAttribute("aria-busy", String(busy));
    this.input.disabled = busy;
    for (const [name, shown] of [[".send", !busy], [".cancel", busy], ["progress", busy], [".figures", busy]] as const) {
      this.part(name).hidden = !shown;
    }
    this.part(".again").hidden = true;
    this.part(".broken").hidden = true;
    this.quarter = 0;
    if (busy) {
      this.refuse(null);
      this.advance("", 0);
      this.part(".cancel").focus();
    } else if (held) {
      this.part(".send").focus();
    }
  }

  private advance(line: string, share: number): void {
    const bar = this.part<HTMLProgressElement>("progress");
    bar.value = Math.floor(share * 100);
    bar.textContent = `${bar.value} %`;
    this.part(".figures").textContent = line;
    const quarter = Math.floor(share * 4);
    if (quarter > this.quarter && quarter < 4) this.say("quarter", { percent: quarter * 25 });
    this.quarter = quarter;
  }

  private wait(seconds: number | null): void {
    const broken = this.part(".broken");
    if (broken.hidden && seconds !== null) this.say("broken");
    if (seconds === null) this.say("retrying");
    broken.hidden = this.part(".again").hidden = seconds === null;
    broken.textContent = seconds === null ? "" : fill(this.words["again_in"] ?? "", { seconds });
  }

  private async failed(error: unknown): Promise<void> {
    if (error instanceof Cancelled) {
      this.say("cancelled");
      this.key = newKey();
      return;
    }
    this.say("");
    if (error instanceof Refused) {
      // who has to log in first goes on with the same request; anything else begins anew
      if (error.problem.status !== 401) this.key = newKey();
      const mistakes = inSentences(error.problem.errors ?? [], JSON.parse(this.box.dataset["invalid"] ?? "{}") as Words);
      this.refuse(mistakes ? { detail: mistakes } : await inWords(error.problem, this.box.dataset["problems"] ?? ""));
    } else {
      this.key = newKey();
      const word = error instanceof Unequal ? "unequal" : error instanceof Broken ? "broken" : "unreadable";
      this.refuse({ detail: this.words[word] ?? word, remedy: this.words[`${word}_remedy`] ?? "" });
    }
  }

  private refuse(problem: Pick<Problem, "detail" | "article" | "remedy"> | null): void {
    const place = this.part(".refusal");
    place.hidden = problem === null;
    const lines = problem
      ? [problem.detail, labelled(this.words["article"], problem.article), labelled(this.words["remedy"], problem.remedy)]
      : [];
    place.replaceChildren(
      ...lines.filter(Boolean).map((line) => {
        const paragraph = document.createElement("p");
        paragraph.textContent = line;
        return paragraph;
      }),
    );
  }

  private part<T extends HTMLElement = HTMLElement>(selector: string): T {
    const found = this.box.querySelector<T>(selector);
    if (!found) throw new Error(`the upload has no ${selector}`);
    return found;
  }
}

class Unequal extends Error {}

/** Sending and fingerprinting side by side; both are shown, as one share of all there is to do. */
class Progress {
  private doneHashing = 0;
  private doneSending = 0;
  private began = performance.now();

  constructor(
    private readonly total: number,
    private readonly show: (line: string, share: number) => void,
    private readonly words: Words,
    private readonly language: string,
  ) {}

  restart(): void {
    this.began = performance.now();
    this.sent(0);
  }

  hashed(done: number): void {
    this.doneHashing = done;
    this.tell();
  }

  sent(done: number): void {
    this.doneSending = Math.min(done, this.total);
    this.tell();
  }

  private tell(): void {
    const share = this.total ? Math.min(this.doneHashing, this.doneSending) / this.total : 0;
    const seconds = (performance.now() - this.began) / 1000;
    const left = (seconds / this.doneSending) * (this.total - this.doneSending);
    const line = fill(this.words["figures"] ?? "", {
      done: size(this.doneSending, this.language),
      total: size(this.total, this.language),
      percent: Math.floor(share * 100),
      left: seconds > 2 && this.doneSending ? timeLeft(left, this.words) : "",
    });
    this.show(line.trim(), Math.min(share, 0.99));
  }
}

async function arrived(begun: Begun, signal: AbortSignal): Promise<unknown> {
  try {
    return await get(`${begun.upload}/${grantId(begun.grant)}`, signal);
  } catch (error) {
    if (error instanceof Refused && error.problem.status === 404) return null;
    throw error;
  }
}

/** A grant is a signed document; what it says about itself can be read by whoever holds it. */
export function grantId(grant: string): string {
  const middle = (grant.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
  return String((JSON.parse(atob(middle)) as { jti: unknown }).jti);
}

/** As RFC 8187 wants it: `encodeURIComponent` leaves four characters that may not stand there. */
export function encoded(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** What a service could not take, in the words of the page (as gateway/pages/refusals.py says it beside a field). */
export function inSentences(mistakes: readonly Mistake[], words: Words): string {
  const said = mistakes.map(({ at, why, type, ctx }) => {
    const name = at.split("/").filter((part) => !/^\d+$/.test(part)).at(-1) ?? "";
    return fill(words[`${type}.${name}`] ?? words[type] ?? why, ctx);
  });
  return [...new Set(said)].join(" ");
}

/** The portal's own words for a problem, where it has some in this language; else those that came. */
async function inWords(problem: Problem, where: string): Promise<Problem> {
  if (!where) return problem;
  try {
    const words = (await (await fetch(where)).json()) as Words;
    const detail = words[`problem.${problem.code}`];
    const remedy = words[`remedy.${problem.code}`] ?? problem.remedy;
    return { ...problem, detail: detail ? fill(detail, problem.params) : problem.detail, ...(remedy ? { remedy } : {}) };
  } catch {
    return problem;
  }
}

function labelled(label: string | undefined, text: string | undefined): string {
  return text ? `${label ?? ""} ${text}`.trim() : "";
}
