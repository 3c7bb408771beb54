// The little of Node that these tests use.
declare module "node:test" {
  export function test(name: string, body: () => void | Promise<void>): void;
  export const mock: { timers: { enable(options: { apis: string[] }): void; tick(ms: number): void; reset(): void } };
}
declare module "node:assert/strict" {
  const assert: {
    equal(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown): void;
    throws(body: () => unknown, check: (error: unknown) => boolean): void;
    rejects(body: Promise<unknown>, check: (error: unknown) => boolean): Promise<void>;
  };
  export default assert;
}
declare module "node:crypto" {
  export function createHash(name: string): { update(bytes: Uint8Array): { digest(form: "hex"): string } };
}
