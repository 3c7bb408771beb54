// The one rule by which a signature counts, word for word that of integrity/ed25519.py: browsers differ on what nobody signs
// honestly, and one must not be shown what another refuses.

import { number, whole } from "./bytes.ts";

const PRIME = 2n ** 255n - 19n;
const ORDER_8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
/** The y coordinates of the eight points of small order. */
const SMALL = [0n, 1n, PRIME - 1n, ORDER_8, PRIME - ORDER_8];

const y = (point: Uint8Array): bigint => number(point, true) & (2n ** 255n - 1n);

/** False for a key of small order or in a second spelling. One that is no point of the curve passes, and verifies nothing. */
export function isKey(key: Uint8Array): boolean {
  return key.length === 32 && y(key) < PRIME && !SMALL.includes(y(key));
}

/** Whether the key made this signature of the message. */
export async function verify(key: Uint8Array, signature: Uint8Array, message: Uint8Array): Promise<boolean> {
  if (!isKey(key) || signature.length !== 64 || SMALL.includes(y(signature.subarray(0, 32)))) return false;
  try {
    return await crypto.subtle.verify("Ed25519", await imported(key), whole(signature), whole(message));
  } catch {
    return false; // no point of the curve
  }
}

/** Whether this browser has Ed25519 at all: without it nothing could be said of any signature. */
export async function isSupported(): Promise<boolean> {
  try {
    await imported(new Uint8Array(32).fill(0x66).fill(0x58, 0, 1)); // the curve's own base point
    return true;
  } catch {
    return false;
  }
}

function imported(key: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", whole(key), "Ed25519", false, ["verify"]);
}
