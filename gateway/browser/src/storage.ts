// What this browser keeps for the page. It may refuse to (private windows, settings of an office): even naming the store throws
// then. Nothing is kept in that case, and everything else works.

type Which = "localStorage" | "sessionStorage";

export function kept(which: Which, key: string): string | null {
  try {
    return globalThis[which].getItem(key);
  } catch {
    return null;
  }
}

/** Whether it is kept. */
export function keep(which: Which, key: string, value: string): boolean {
  try {
    globalThis[which].setItem(key, value);
    return true;
  } catch {
    return false;
  }
}

export function drop(which: Which, key: string): void {
  try {
    globalThis[which].removeItem(key);
  } catch {
    // nothing was kept
  }
}
