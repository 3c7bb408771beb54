// Words come from the page, so that they stand in the catalogues with all others.

export type Words = Readonly<Record<string, string>>;

export function fill(template: string, places: Readonly<Record<string, string | number>> = {}): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(places[name] ?? whole));
}

/** As the pages write it: 3,3 MiB in Indonesian, 3.3 MiB in English. */
export function size(bytes: number, language: string): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(bytes)} ${units[unit]}`;
}

export function timeLeft(seconds: number, words: Words): string {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 90) return fill(words["seconds_left"] ?? "", { seconds: Math.max(1, Math.round(seconds)) });
  return fill(words["minutes_left"] ?? "", { minutes: Math.round(seconds / 60) });
}
