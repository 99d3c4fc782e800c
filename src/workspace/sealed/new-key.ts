import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { generateX25519Identity } from 'age-encryption';
import { PaddockError } from '../../core/errors.js';
import { Disposables } from '../../kit/disposables.js';
import { isGone, OpenFolder } from '../../kit/open-folder.js';
import { randomBase32 } from '../../kit/random-id.js';
import { safeLine } from '../../kit/safe-text.js';
import { writeNewFile } from '../../kit/write-new-file.js';
import { parseIdentities, type SealKey } from './identities.js';
import { readKeyFile } from './key-source.js';

/**
 * Puts a new key behind those in a file (0600), which need not exist: it is the one for writing from then on, and those before still open what they
 * have written. It is on the disk on return. Errors: ENCRYPTION_KEY_UNUSABLE where the file is no such file, STATE_UNWRITABLE, also where another
 * process is at it: of two that read the same keys the later one would take the other's away.
 */
export async function addKey(
  path: string,
  { uid, now }: { readonly uid: number; readonly now: Date },
): Promise<SealKey> {
  await using held = new Disposables();
  held.use(await alone(`${path}.lock`));
  const before = await textBefore(path, uid);
  const identity = await generateX25519Identity();
  const [key] = await parseIdentities(identity, 'the new key');
  const fresh = `${path}.${randomBase32(8)}.tmp`;
  try {
    await writeNewFile(fresh, `${before}# created: ${now.toISOString()}\n${identity}\n`);
    await rename(fresh, path);
    await using folder = await OpenFolder.at(dirname(path));
    await folder.sync();
  } catch (cause) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw new PaddockError('STATE_UNWRITABLE', `${safeLine(path)} could not be written`, { cause });
  }
  return key;
}

async function alone(lock: string): Promise<AsyncDisposable> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
  } catch (cause) {
    throw new PaddockError('STATE_UNWRITABLE', `${safeLine(lock)} could not be made`, {
      cause,
      hint: 'Where it is there, another keygen is at work; where none is, it was killed: remove that file.',
    });
  }
  return { [Symbol.asyncDispose]: () => rm(lock, { force: true }) };
}

async function textBefore(path: string, uid: number): Promise<string> {
  try {
    const text = await readKeyFile(path, uid);
    await parseIdentities(text, safeLine(path));
    return text.endsWith('\n') ? text : `${text}\n`;
  } catch (error) {
    if (error instanceof PaddockError && isGone(error.cause)) return '';
    throw error;
  }
}
