import { createHash } from 'node:crypto';
import { identityToRecipient } from 'age-encryption';
import { PaddockError } from '../../core/errors.js';
import { Secret } from '../../kit/secret.js';

/** One of age's identities: what it decrypts with, and what is encrypted for it. */
export interface SealKey {
  readonly identity: Secret;
  readonly recipient: string;
  /** By what notes in clear name it: of the recipient, which itself would let anyone write what it decrypts. */
  readonly name: string;
}

const mostIdentities = 64;
const identityPattern = /^AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{20,}$/;

/**
 * The identities in a text as `age-keygen` writes it: one a line, with comments. The last one is for writing. Errors: ENCRYPTION_KEY_UNUSABLE; what
 * stands there is never quoted.
 */
export async function parseIdentities(text: string, where: string): Promise<readonly [SealKey, ...SealKey[]]> {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length > mostIdentities || !lines.every((line) => identityPattern.test(line))) {
    throw keyUnusable(`${where} is no list of age identities`);
  }
  const [first, ...rest] = await Promise.all(lines.map((line) => keyOf(line, where)));
  if (first === undefined) throw keyUnusable(`there is no age identity in ${where}`);
  return [first, ...rest];
}

async function keyOf(line: string, where: string): Promise<SealKey> {
  const recipient = await identityToRecipient(line).catch((cause: unknown) => {
    throw keyUnusable(`an age identity in ${where} is not whole`, cause);
  });
  const name = createHash('sha256').update(`paddock kept\n${recipient}`).digest('hex').slice(0, 32);
  return { identity: new Secret(line), recipient, name };
}

export function keyUnusable(message: string, cause?: unknown): PaddockError {
  return new PaddockError('ENCRYPTION_KEY_UNUSABLE', message, { cause });
}
