// Words come from the page, so that they stand in the catalogues with all others.

export type Words = Readonly<Record<string, string>>;

export function fill(template: string, places: Readonly<Record<string, string | number>> = {}): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(places[name] ?? whole));
}

/** As the pages write it (gateway/pages/formats.py): 3,3 MB in Indonesian, 3.3 MB in English. */
export function size(bytes: number, language: string): string {
  if (bytes < 1024) return wholeBytes(bytes, language);
  const units = ["KB", "MB", "GB"];
  let unit = 0;
  bytes /= 1024;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(bytes)} ${units[unit]}`;
}

/** Beside fingerprints: 3,3 MB (3.481.277 byte). */
export function exactSize(bytes: number, language: string): string {
  const whole = wholeBytes(bytes, language);
  return bytes < 1024 ? whole : `${size(bytes, language)} (${whole})`;
}

function wholeBytes(bytes: number, language: string): string {
  return new Intl.NumberFormat(language, { style: "unit", unit: "byte", unitDisplay: "long" }).format(bytes);
}

export function timeLeft(seconds: number, words: Words): string {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 90) return fill(words["seconds_left"] ?? "", { seconds: Math.max(1, Math.round(seconds)) });
  return fill(words["minutes_left"] ?? "", { minutes: Math.round(seconds / 60) });
}
