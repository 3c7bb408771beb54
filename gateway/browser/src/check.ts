/**
 * The form that checks a receipt: in the portal, and in the page that stands alone. Nothing is sent and nothing is fetched. All
 * words come from the page (`data-says`, by language), and what it says elsewhere is marked `data-word`.
 */

import { utf8 } from "./bytes.ts";
import { canonical, Wrong } from "./canonical.ts";
import { isSupported } from "./ed25519.ts";
import { digest } from "./fingerprints.ts";
import { type Check, type Original, read, type Receipt, type Report, type State, verdict, verify } from "./receipt.ts";
import { attached, isPdf } from "./sealed_pdf.ts";
import { parseTrustRoot, type TrustRoot } from "./trust.ts";
import { fill, type Words } from "./words.ts";

/** What stands where the result does: a word, or what was found. */
type Found = { readonly word: string; readonly kind: string } | { readonly report: Report; readonly pdf: boolean };

const MARKS: Record<State | "unchecked", string> = { ok: "now", failed: "failed", missing: "wait", unchecked: "wait" };

export function mountCheck(root: Document): void {
  const place = root.querySelector<HTMLElement>("[data-check]");
  const form = place?.querySelector("form");
  const [result, trust] = ["result", "trust"].map((name) => place?.querySelector<HTMLElement>(`[data-check-${name}]`));
  if (place && form && result && trust) new Checker(root, place, form, result, trust);
}

class Checker {
  private readonly says: Record<string, Words>;
  private words: Words;
  private found: Found | null = null;
  private root: Promise<TrustRoot | "wrong" | null>;
  /** How often something was chosen or asked for: what is found of an earlier choice is not shown beside a later one. */
  private turn = 0;

  constructor(
    private readonly page: Document,
    place: HTMLElement,
    private readonly form: HTMLFormElement,
    private readonly result: HTMLElement,
    private readonly trust: HTMLElement,
  ) {
    this.says = JSON.parse(place.dataset["says"] ?? "{}") as Record<string, Words>;
    this.words = this.says[page.documentElement.lang] ?? {};
    place.hidden = false;
    for (const button of page.querySelectorAll<HTMLButtonElement>("[data-language]"))
      button.addEventListener("click", () => this.speak(button.dataset["language"] ?? ""));
    form.addEventListener("change", (event) => {
      this.turn += 1;
      this.show(null);
      if (event.target !== this.input("root")) return;
      this.root = this.chosenRoot(place.dataset["root"] ?? "");
      void this.showRoot();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.answer();
    });
    this.root = this.chosenRoot(place.dataset["root"] ?? "");
    void this.showRoot();
    void this.refuseOldBrowsers();
  }

  private async refuseOldBrowsers(): Promise<void> {
    if (typeof crypto !== "undefined" && crypto.subtle !== undefined && (await isSupported())) return;
    this.form.hidden = true;
    this.show({ word: "check.no_ed25519", kind: "bad" });
  }

  /** The one chosen as a file, else the one built in. */
  private async chosenRoot(builtIn: string): Promise<TrustRoot | "wrong" | null> {
    const [file] = this.files("root");
    try {
      const bytes = file ? new Uint8Array(await file.arrayBuffer()) : utf8(builtIn);
      return bytes.length > 0 ? await parseTrustRoot(bytes) : null;
    } catch {
      return "wrong";
    }
  }

  private async answer(): Promise<void> {
    const turn = (this.turn += 1);
    this.show({ word: "check.working", kind: "" });
    const found = await this.check().catch((): Found => ({ word: "check.unreadable", kind: "bad" }));
    if (turn === this.turn) this.show(found);
  }

  private async check(): Promise<Found> {
    const [file] = this.files("receipt");
    if (!file) return { word: "check.no_file", kind: "" };
    const root = await this.root;
    if (root === null || root === "wrong") return { word: "check.no_root", kind: "bad" };
    const given = new Uint8Array(await file.arrayBuffer());
    const pdf = isPdf(given);
    const originals: Original[] = [];
    for (const one of this.files("originals")) originals.push(await digest(one, () => undefined));
    const data = pdf ? await attached(given).catch(() => new Uint8Array()) : given;
    return { report: await verify(withRecord(data, this.typed("record")), root, originals), pdf };
  }

  private input(name: string): HTMLInputElement | HTMLTextAreaElement {
    return this.form.elements.namedItem(name) as HTMLInputElement | HTMLTextAreaElement;
  }

  private files(name: string): File[] {
    return [...((this.input(name) as HTMLInputElement).files ?? [])];
  }

  private typed(name: string): string {
    return this.input(name).value.trim();
  }

  // What it says

  private speak(language: string): void {
    this.words = this.says[language] ?? this.words;
    this.page.documentElement.lang = language;
    for (const one of this.page.querySelectorAll<HTMLElement>("[data-word]")) one.textContent = this.say(one.dataset["word"] ?? "");
    for (const one of this.page.querySelectorAll<HTMLElement>("[data-language]")) {
      one.hidden = one.dataset["language"] === language;
      if (!one.hidden) one.focus(); // the one that was pressed is gone
    }
    void this.showRoot();
    this.show(this.found);
  }

  private say(word: string, places: Readonly<Record<string, string>> = {}): string {
    return fill(this.words[word] ?? word, places);
  }

  private async showRoot(): Promise<void> {
    const asked = this.root;
    const root = await asked;
    if (asked !== this.root) return;
    if (root === null || root === "wrong") {
      const word = root === null ? "check.root_none" : "check.root_wrong";
      return this.trust.replaceChildren(this.element("p", this.say(word), root === null ? "notice" : "notice bad"));
    }
    const said = this.say("check.root_of", { instance: root.instance, version: String(root.version) });
    this.trust.replaceChildren(
      this.element("p", said),
      this.element("p", root.fingerprint, "hash"),
      this.element("p", this.say("check.root_compare"), "hint"),
    );
  }

  private show(found: Found | null): void {
    this.found = found;
    if (found === null) return this.result.replaceChildren();
    if ("word" in found) return this.result.replaceChildren(this.element("p", this.say(found.word), `notice ${found.kind}`.trim()));
    const { receipt, checks } = found.report;
    const isShown = found.pdf && receipt !== null;
    const { word, kind } = summed(checks, isShown);
    const list = this.element("ul", "", "checks");
    if (isShown) list.append(this.line({ layer: "seal", state: "unchecked", word: "seal_unchecked", places: {} }));
    list.append(...checks.map((check) => this.line(check)));
    const isSigned = checks.some((check) => check.layer === "signature" && check.state === "ok");
    this.result.replaceChildren(
      this.element("p", this.say(word), `notice ${kind}`.trim()),
      ...(receipt && isSigned ? [this.summary(receipt)] : []),
      list,
      ...(receipt && isSigned ? this.received(receipt.files) : []),
    );
  }

  private line({ layer, state, word, places }: Omit<Check, "state"> & { state: keyof typeof MARKS }): HTMLElement {
    const item = this.element("li");
    const at = places["at"] === undefined ? {} : { at: inWib(this.words, places["at"]) };
    item.append(
      this.element("span", this.say(state === "unchecked" ? "check.unchecked" : `checks.${state}`), `mark ${MARKS[state]}`),
      " ",
      this.element("strong", `${this.say(`checks.layer_${layer}`)}:`),
      ` ${this.say(`checks.${word}`, { ...places, ...at })}`,
    );
    return item;
  }

  private summary({ of, code, tender, received_at }: Receipt): HTMLElement {
    const places = { code, tender: typeof tender === "string" ? tender : "", at: inWib(this.words, received_at) };
    return this.element("p", this.say(`checks.of_${of}`, places));
  }

  private received(files: Receipt["files"]): HTMLElement[] {
    const list = this.element("ul", "", "files");
    for (const file of files) {
      const prints = this.element("dl", "", "prints");
      for (const [name, print] of [["MD5", file.md5], ["SHA-256", file.sha256]] as const) {
        const pair = this.element("div");
        pair.append(this.element("dt", name), this.element("dd", inFours(print), "hash"));
        prints.append(pair);
      }
      const item = this.element("li");
      item.append(this.element("strong", file.name), prints);
      list.append(item);
    }
    return files.length > 0 ? [this.element("p", this.say("check.received")), list] : [];
  }

  private element(name: string, words = "", kind = ""): HTMLElement {
    const made = this.page.createElement(name);
    made.textContent = words;
    if (kind !== "") made.className = kind;
    return made;
  }
}

/** The one sentence on top, and whether it is a green or a red light. */
function summed(checks: readonly Check[], pdf: boolean): { word: string; kind: string } {
  const held = verdict(checks);
  if (held !== "good") return { word: `checks.verdict_${held}`, kind: held === "bad" ? "bad" : "" };
  // what a PDF shows is vouched for by its seal, which is not checked here: that is no reason for a green light
  if (pdf) return { word: "check.verdict_pdf", kind: "" };
  return { word: "checks.verdict_good", kind: "good" };
}

/** The file with this record in it; as it is where there is none, or it is no receipt. */
function withRecord(data: Uint8Array, record: string): Uint8Array {
  if (record === "") return data;
  try {
    return utf8(canonical({ ...read(data), record }));
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return data;
  }
}

function inFours(print: string): string {
  return print.replace(/(.{4})(?!$)/g, "$1 ");
}

const WIB = 7 * 3600 * 1000;

/** As exact as it is given, for a millisecond may decide, and as the pages say it (gateway/pages/formats.py), whose words it takes. */
export function inWib(words: Words, instant: string): string {
  const at = new Date(Date.parse(instant) + WIB);
  if (Number.isNaN(at.getTime())) return instant;
  const padded = (value: number, digits = 2): string => String(value).padStart(digits, "0");
  return fill(words[instant.includes(".") ? "instant" : "second"] ?? "", {
    day: (words["days"] ?? "").split(" ")[at.getUTCDay()] ?? "",
    date: at.getUTCDate(),
    month: (words["months"] ?? "").split(" ")[at.getUTCMonth()] ?? "",
    year: at.getUTCFullYear(),
    hour: padded(at.getUTCHours()),
    minute: padded(at.getUTCMinutes()),
    second: padded(at.getUTCSeconds()),
    millisecond: padded(at.getUTCMilliseconds(), 3),
  });
}
