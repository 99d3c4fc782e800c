import { readFile, rename, rm } from 'node:fs/promises';
import { generateX25519Identity } from 'age-encryption';
import { PaddockError } from '../../core/errors.js';
import { isGone } from '../../kit/open-folder.js';
import { randomBase32 } from '../../kit/random-id.js';
import { safeLine } from '../../kit/safe-text.js';
import { writeNewFile } from '../../kit/write-new-file.js';
import { parseIdentities, type SealKey } from './identities.js';
import { readKeys } from './key-source.js';

/**
 * Puts a new key behind those in a file (0600), which need not exist: it is the one for writing from then on, and those before still open what they
 * have written. Errors: ENCRYPTION_KEY_UNUSABLE where the file is no such file, STATE_UNWRITABLE.
 */
export async function addKey(
  path: string,
  { uid, now }: { readonly uid: number; readonly now: Date },
): Promise<SealKey> {
  const before = await textBefore(path, uid);
  const identity = await generateX25519Identity();
  const [key] = await parseIdentities(identity, 'the new key');
  const fresh = `${path}.${randomBase32(8)}.tmp`;
  try {
    await writeNewFile(fresh, `${before}# created: ${now.toISOString()}\n${identity}\n`);
    await rename(fresh, path);
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw new PaddockError('STATE_UNWRITABLE', `${safeLine(path)} could not be written`, { cause });
  }
  return key;
}

async function textBefore(path: string, uid: number): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    await readKeys({ keyFile: path }, { env: {}, uid });
    return text.endsWith('\n') ? text : `${text}\n`;
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}
