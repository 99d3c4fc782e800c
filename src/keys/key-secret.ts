import { createHash, timingSafeEqual } from 'node:crypto';
import { randomBase32 } from '../kit/random-id.js';
import { Secret } from '../kit/secret.js';

/** Not `pdk_`, which session ids begin with: what looks for secrets in logs and commits has to tell the two apart. */
const prefix = 'pdkey_';
/** 260 random bits. */
const randomLength = 52;
const pattern = new RegExp(`^${prefix}[a-z2-7]{${randomLength}}$`);

export function newKeySecret(): Secret {
  return new Secret(prefix + randomBase32(randomLength));
}

export function isKeySecret(text: string): boolean {
  return pattern.test(text);
}

/**
 * SHA-256 in hex. A slow hash protects what people think of, which can be guessed; nobody guesses 260 random bits, and a slow one would be
 * paid for by every request, also those of whoever has no key.
 */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/** In a time that tells nothing of how much of them is the same. */
export function isSameHash(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(one, 'hex'), Buffer.from(other, 'hex'));
}
