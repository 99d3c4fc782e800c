import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PaddockError } from '../../core/errors.js';
import { runTool } from '../../kit/run-tool.js';
import { safeLine } from '../../kit/safe-text.js';
import { keyUnusable, parseIdentities, type SealKey } from './identities.js';

/** Where the key for what is kept is; one of them. */
export interface KeySource {
  /** Absolute path of a file of the user's. */
  readonly keyFile?: string | undefined;
  /** Name in `$CREDENTIALS_DIRECTORY`, which systemd gives a service. */
  readonly credential?: string | undefined;
  /** Description of a key of type `user` in the kernel's keyring. */
  readonly keyring?: string | undefined;
}

interface KeySurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
}

const mostBytes = 64 * 1024;
/** One that asks somebody for something does not come back. */
const keyctlWithinMs = 5000;

/** Reads the keys anew each time: one that was taken away is not used any more. Errors: ENCRYPTION_KEY_UNUSABLE. */
export async function readKeys(source: KeySource, around: KeySurroundings): Promise<readonly [SealKey, ...SealKey[]]> {
  const { keyFile, credential, keyring } = source;
  if (keyFile !== undefined) return parseIdentities(await readKeyFile(keyFile, around.uid), safeLine(keyFile));
  if (credential !== undefined)
    return parseIdentities(await readCredential(credential, around), `credential ${credential}`);
  if (keyring !== undefined)
    return parseIdentities(await readKeyring(keyring, around), `key ${safeLine(keyring)} of the keyring`);
  throw keyUnusable('no key for what is kept is set');
}

/** What stands in a key file, of any kind. Errors: ENCRYPTION_KEY_UNUSABLE, with the kernel's as its cause where it can't be opened. */
export function readKeyFile(path: string, uid: number): Promise<string> {
  return readOwn(path, uid, 0o077);
}

async function readCredential(name: string, { env, uid }: KeySurroundings): Promise<string> {
  const folder = env['CREDENTIALS_DIRECTORY'];
  if (folder === undefined || !folder.startsWith('/')) {
    throw keyUnusable('$CREDENTIALS_DIRECTORY is not set: systemd sets it for a service with LoadCredential=');
  }
  // systemd lets a service read what is root's by an access list, which shows as a group's right.
  return readOwn(join(folder, name), uid, 0o037);
}

async function readOwn(path: string, uid: number, forbidden: number): Promise<string> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const shown = safeLine(path);
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((cause: unknown) => {
    throw keyUnusable(`${shown} can not be opened`, cause);
  });
  try {
    const why = strangeness(await file.stat(), uid, forbidden);
    if (why !== undefined) throw keyUnusable(`${shown} ${why}`);
    return await file.readFile('utf8');
  } catch (cause) {
    throw cause instanceof PaddockError ? cause : keyUnusable(`${shown} can not be read`, cause);
  } finally {
    await file.close();
  }
}

function strangeness(found: Stats, uid: number, forbidden: number): string | undefined {
  if (!found.isFile()) return 'is no regular file';
  if (found.uid !== uid && found.uid !== 0) return `belongs to uid ${found.uid}`;
  if ((found.mode & forbidden) !== 0) return 'can be read or written by others: chmod 600';
  return found.size > mostBytes ? 'is too large for a key' : undefined;
}

/** By the program of keyutils: there is no other way to the keyring without code of the kernel's own tongue. */
async function readKeyring(description: string, { env }: KeySurroundings): Promise<string> {
  const id = (await keyctl(['request', 'user', description], env)).trim();
  if (!/^\d{1,10}$/.test(id)) throw keyUnusable('keyctl names no key by its number');
  return keyctl(['pipe', id], env);
}

async function keyctl(args: readonly string[], env: KeySurroundings['env']): Promise<string> {
  const signal = AbortSignal.timeout(keyctlWithinMs);
  const run = { args, cwd: '/', env: { PATH: env['PATH'] ?? '/usr/bin:/bin' }, signal, mostBytes };
  const { code, output, words } = await runTool('keyctl', run).catch((cause: unknown) => {
    throw keyUnusable('keyctl (of keyutils) could not be run', cause);
  });
  if (code === 0) return output.toString('utf8');
  throw keyUnusable(`keyctl ${args[0] ?? ''} failed: ${safeLine(words.trim(), 200)}`);
}
