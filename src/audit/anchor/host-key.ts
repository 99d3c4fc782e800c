import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AuditError } from '../../core/errors.js';
import { codeOf } from '../../kit/error-code.js';
import { randomBase32 } from '../../kit/random-id.js';
import { safeLine } from '../../kit/safe-text.js';
import { writeNewFile } from '../../kit/write-new-file.js';
import { checkFile } from '../file-checks.js';

/** The ed25519 key of this host's user, by which heads of the log are signed. */
export interface HostKey {
  readonly privateKey: KeyObject;
  readonly publicKey: PublicKey;
}

export interface PublicKey {
  /** 16 hex digits of the SHA-256 of its SPKI form. */
  readonly id: string;
  readonly key: KeyObject;
  /** SPKI, as PEM. */
  readonly pem: string;
}

/** Reads the key, and makes it (PKCS #8 as PEM, mode 0600) where there is none. Errors: AUDIT_UNWRITABLE. */
export async function openHostKey(path: string): Promise<HostKey> {
  try {
    return fromPem((await readPrivate(path)) ?? (await makeKey(path)));
  } catch (error) {
    const why = safeLine(error instanceof Error ? error.message : String(error));
    throw new AuditError('AUDIT_UNWRITABLE', `the audit key ${safeLine(path)} can't be used: ${why}`, { cause: error });
  }
}

/** A public key as `paddock audit key` prints it. BAD_ARGUMENT when it is none. */
export async function readPublicKey(path: string): Promise<PublicKey> {
  try {
    return publicKey(createPublicKey(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new AuditError('BAD_ARGUMENT', `${safeLine(path)} is no public key in PEM form`, { cause });
  }
}

async function readPrivate(path: string): Promise<string | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return undefined;
  try {
    checkFile(path, await handle.stat());
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/** Whole before it has its name, and under a name that nobody has yet: of two processes that make one, one does. */
async function makeKey(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const { privateKey } = generateKeyPairSync('ed25519');
  const fresh = `${path}.${randomBase32(8)}.tmp`;
  try {
    await writeNewFile(fresh, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await link(fresh, path).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  } finally {
    await rm(fresh, { force: true });
  }
  const made = await readPrivate(path);
  if (made === undefined) throw new Error('it was removed at once');
  return made;
}

function fromPem(pem: string): HostKey {
  const privateKey = createPrivateKey(pem);
  return { privateKey, publicKey: publicKey(createPublicKey(privateKey)) };
}

function publicKey(key: KeyObject): PublicKey {
  if (key.asymmetricKeyType !== 'ed25519')
    throw new Error(`it is of type ${String(key.asymmetricKeyType)}, not ed25519`);
  const der = key.export({ type: 'spki', format: 'der' });
  const id = createHash('sha256').update(der).digest('hex').slice(0, 16);
  return { id, key, pem: key.export({ type: 'spki', format: 'pem' }).toString() };
}
