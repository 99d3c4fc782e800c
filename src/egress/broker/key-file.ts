import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { ConfigError } from '../../core/errors.js';
import { codeOf } from '../../kit/error-code.js';

const mostBytes = 64 * 1024;
/** A whole list of authorities. */
const mostCaBytes = 1024 * 1024;

/** Reads a file of keys: `NAME=value` lines with the names that the environment has. Errors: those of `readSecretFile`. */
export async function readKeyFile(path: string): Promise<Readonly<Record<string, string | undefined>>> {
  return parseEnv(await readSecretFile(path));
}

/**
 * Reads a file that holds a secret. It must be a regular file of our own that nobody else can read or write, and no link. Throws BAD_CONFIG,
 * which names the file and never a line of it.
 */
export function readSecretFile(path: string): Promise<string> {
  return read(path, constants.O_NOFOLLOW, ({ uid, mode, size }) => {
    if (uid !== process.geteuid?.()) throw bad(path, `belongs to uid ${uid}`, 'Make it your own file.');
    if ((mode & 0o077) !== 0) throw bad(path, 'can be used by others', `Run \`chmod 600 ${path}\`.`);
    if (size > mostBytes) throw bad(path, `has more than ${mostBytes} bytes`, 'Keep nothing but keys in it.');
  });
}

/** Reads a file of authorities, which is no secret; who could write it could read what goes to those who they vouch for. Throws BAD_CONFIG. */
export function readCaFile(path: string): Promise<string> {
  return read(path, 0, ({ uid, mode, size }) => {
    if (uid !== 0 && uid !== process.geteuid?.()) throw bad(path, `belongs to uid ${uid}`, 'Make it your own file.');
    if ((mode & 0o022) !== 0) throw bad(path, 'can be written by others', `Run \`chmod go-w ${path}\`.`);
    if (size > mostCaBytes)
      throw bad(path, `has more than ${mostCaBytes} bytes`, 'Keep nothing but certificates in it.');
  });
}

async function read(path: string, flags: number, check: (stats: Stats) => void): Promise<string> {
  const { O_RDONLY, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_NONBLOCK | flags).catch((error: unknown) => {
    const link = flags === 0 ? '' : ', and not a link';
    throw bad(path, `can not be opened (${codeOf(error) ?? 'unknown'})`, `Name a file that is there${link}.`);
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw bad(path, 'is no regular file', 'Name a regular file.');
    check(stats);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function bad(path: string, what: string, hint: string): ConfigError {
  return new ConfigError('BAD_CONFIG', `the file ${path} ${what}`, { info: { file: path }, hint });
}
