// Asking again: after growing pauses, at once when the line is back or somebody says so, and never after a refusal.

import { Broken, Cancelled } from "./api.ts";

export interface Waiting {
  /** Called each second while waiting; null: it is tried again now. */
  show(seconds: number | null): void;
}

const LONGEST = 30;

export function pause(failures: number, asked = 0): number {
  return Math.min(LONGEST, Math.max(asked, 2 ** Math.min(failures - 1, 10)));
}

export class Patience {
  private failures = 0;
  private wake: (() => void) | null = null;

  constructor(
    private readonly waiting: Waiting,
    private readonly signal: AbortSignal,
  ) {}

  /** Try now. */
  hurry(): void {
    this.wake?.();
  }

  /** Bytes go through: the next break begins with a short pause again. */
  moving(): void {
    this.failures = 0;
  }

  async until<T>(attempt: (again: boolean) => Promise<T>): Promise<T> {
    for (let again = false; ; again = true) {
      try {
        const answer = await attempt(again);
        this.failures = 0;
        return answer;
      } catch (error) {
        if (!(error instanceof Broken)) throw error;
        this.failures += 1;
        await this.rest(pause(this.failures, error.seconds));
      }
    }
  }

  private async rest(seconds: number): Promise<void> {
    let hurried = false;
    for (let left = Math.ceil(seconds); left > 0 && !hurried; left -= 1) {
      if (this.signal.aborted) throw new Cancelled();
      this.waiting.show(left);
      hurried = await this.second();
    }
    if (this.signal.aborted) throw new Cancelled();
    this.waiting.show(null);
  }

  /** A second, or less when somebody hurries, cancels, or the line comes back: then true. */
  private second(): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (hurried: boolean) => (): void => {
        clearTimeout(timer);
        globalThis.removeEventListener?.("online", now);
        this.signal.removeEventListener("abort", now);
        this.wake = null;
        resolve(hurried);
      };
      const now = end(true);
      const timer = setTimeout(end(false), 1000);
      globalThis.addEventListener?.("online", now);
      this.signal.addEventListener("abort", now);
      this.wake = now;
    });
  }
}
