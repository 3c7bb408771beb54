// The prices of a bid, computed and kept in this browser alone: before the consent they go nowhere (the bid is sealed).
// Amounts are rounded half up to two decimals, as the evaluation does; money is counted in cents, exactly.

import { drop, keep, kept } from "./storage.ts";

const ONES = ["nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan", "sepuluh", "sebelas"];
const SCALES: readonly (readonly [bigint, string])[] = [
  [10n ** 18n, "kuintiliun"],
  [10n ** 15n, "kuadriliun"],
  [10n ** 12n, "triliun"],
  [10n ** 9n, "miliar"],
  [10n ** 6n, "juta"],
];
const MOST = 10n ** 20n - 1n; // cents of the largest amount that can be written
const KEPT = /^(offer|qualification)\./;
const DERIVED = /\.(no|quantity)$/;

/** `1.250.000,5` or `1250000.50` in cents; null where nothing, undefined where nothing readable was typed. */
export function cents(typed: string): bigint | null | undefined {
  let text = typed.replace(/^\s*rp\.?\s*|\s|,-$/gi, "");
  if (text === "") return null;
  if (/^(\d{1,3}(\.\d{3})+(,\d{1,2})?|\d+,\d{1,2})$/.test(text)) text = text.replace(/\./g, "").replace(",", ".");
  const found = /^(\d{1,18})(?:\.(\d{1,2}))?$/.exec(text);
  return found ? BigInt(found[1] + (found[2] ?? "").padEnd(2, "0")) : undefined;
}

/** Quantities have four decimals at most. */
export function amount(quantity: string, price: bigint): bigint {
  const [whole = "0", part = ""] = quantity.split(".");
  const product = BigInt(whole + part.padEnd(4, "0").slice(0, 4)) * price;
  return (product * 2n + 10_000n) / 20_000n;
}

export function money(value: bigint): string {
  const digits = (value / 100n).toString().replace(/\B(?=(\d{3})+$)/g, ".");
  return `Rp ${digits},${(value % 100n).toString().padStart(2, "0")}`;
}

function number(value: bigint): string {
  if (value < 12n) return ONES[Number(value)] ?? "";
  if (value < 20n) return `${number(value - 10n)} belas`;
  if (value < 100n) return joined(`${number(value / 10n)} puluh`, value % 10n);
  if (value < 200n) return joined("seratus", value - 100n);
  if (value < 1000n) return joined(`${number(value / 100n)} ratus`, value % 100n);
  if (value < 2000n) return joined("seribu", value - 1000n);
  for (const [size, word] of SCALES) {
    if (value >= size) return joined(`${number(value / size)} ${word}`, value % size);
  }
  return joined(`${number(value / 1000n)} ribu`, value % 1000n);
}

function joined(words: string, rest: bigint): string {
  return rest === 0n ? words : `${words} ${number(rest)}`;
}

export function terbilang(value: bigint): string {
  const part = value % 100n;
  return `${number(value / 100n)} rupiah${part === 0n ? "" : ` ${number(part)} sen`}`;
}

export function mountTotals(root: Document): void {
  for (const sent of root.querySelectorAll<HTMLElement>("[data-totals-sent]")) {
    drop("localStorage", place(sent.dataset["totalsSent"] ?? ""));
  }
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-totals]")) new Totals(form).mount();
}

function place(bid: string): string {
  return `lpse.penawaran.${bid}`;
}

type Field = HTMLInputElement | HTMLTextAreaElement;

class Totals {
  private readonly key: string;

  constructor(private readonly form: HTMLFormElement) {
    this.key = place(form.dataset["totals"] ?? "");
  }

  mount(): void {
    this.restore();
    this.count();
    this.form.addEventListener("input", () => {
      this.count();
      this.keep();
    });
    this.form.querySelector("[data-totals-discard]")?.addEventListener("click", () => this.discard());
    // with scripts the button computes here: prices are not sent before the consent
    this.form.querySelector('button[name="_do"][value="hitung"]')?.addEventListener("click", (event) => {
      event.preventDefault();
      this.count();
    });
  }

  private count(): void {
    let total = 0n;
    for (const row of this.form.querySelectorAll<HTMLElement>("tr[data-quantity]")) {
      const field = row.querySelector<HTMLInputElement>("[data-price]");
      const price = cents(field?.value ?? "");
      const typed = amount(row.dataset["quantity"] ?? "0", price ?? 0n);
      const fits = total + typed <= MOST;
      if (price === undefined || !fits) field?.setAttribute("aria-invalid", "true");
      else field?.removeAttribute("aria-invalid");
      const product = fits ? typed : 0n;
      total += product;
      this.show(row, "[data-amount]", money(product));
    }
    if (total > 0n) this.clearErrors();
    this.form.querySelector("[data-above]")?.toggleAttribute("hidden", total <= (cents(this.form.dataset["hps"] ?? "") ?? MOST));
    this.show(this.form, "[data-total]", money(total));
    this.show(this.form, "[data-words]", terbilang(total));
  }

  private show(within: ParentNode, which: string, words: string): void {
    for (const output of within.querySelectorAll<HTMLElement>(which)) {
      if (output.textContent !== words) output.textContent = words;
    }
  }

  /** What the page said of a price stands until that price is another, or until there is one where there was none at all. */
  private clearErrors(): void {
    for (const field of this.form.querySelectorAll<HTMLInputElement>("[data-price]:not([aria-invalid])")) {
      const box = field.closest(".wrong");
      if (box === null || (field.value !== "" && field.value === field.defaultValue)) continue;
      box.classList.remove("wrong");
      box.querySelector(".error")?.remove();
      field.removeAttribute("aria-describedby");
    }
  }

  private fields(): Field[] {
    const all = this.form.querySelectorAll<Field>("input[name], textarea[name]");
    return [...all].filter((field) => KEPT.test(field.name) && !DERIVED.test(field.name));
  }

  private keep(): void {
    const typed = Object.fromEntries(this.fields().map((field) => [field.name, field.value]));
    this.tell(keep("localStorage", this.key, JSON.stringify(typed)));
  }

  /** What the page itself brought, after a refusal, is newer than what was kept. */
  private restore(): void {
    let typed: Record<string, unknown>;
    try {
      typed = JSON.parse(kept("localStorage", this.key) ?? "{}") as Record<string, unknown>;
    } catch {
      return;
    }
    if ("typed" in this.form.dataset) return;
    for (const field of this.fields()) {
      const value = typed[field.name];
      if (typeof value === "string") field.value = value;
    }
    this.tell(Object.keys(typed).length > 0);
  }

  private discard(): void {
    drop("localStorage", this.key);
    for (const field of this.fields()) field.value = field.defaultValue;
    this.count();
    this.tell(false);
  }

  private tell(kept: boolean): void {
    this.form.querySelector<HTMLElement>("[data-totals-kept]")?.toggleAttribute("hidden", !kept);
  }
}
