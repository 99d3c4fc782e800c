import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { ConfigError } from '../../core/errors.js';
import { codeOf } from '../../kit/error-code.js';

const mostBytes = 64 * 1024;

/**
 * Reads a file of keys: `NAME=value` lines with the names that the environment has. It must be a regular file of our own that nobody else
 * can read or write, and no link. Throws BAD_CONFIG, which names the file and never a line of it.
 */
export async function readKeyFile(path: string): Promise<Readonly<Record<string, string | undefined>>> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: unknown) => {
    throw bad(path, `can not be opened (${codeOf(error) ?? 'unknown'})`, 'Name a file that is there, and not a link.');
  });
  try {
    const { uid, mode, size } = await file.stat().then((found) => {
      if (!found.isFile()) throw bad(path, 'is no regular file', 'Name a regular file.');
      return found;
    });
    if (uid !== process.geteuid?.()) throw bad(path, `belongs to uid ${uid}`, 'Make it your own file.');
    if ((mode & 0o077) !== 0) throw bad(path, 'can be used by others', `Run \`chmod 600 ${path}\`.`);
    if (size > mostBytes) throw bad(path, `has more than ${mostBytes} bytes`, 'Keep nothing but keys in it.');
    return parseEnv(await file.readFile('utf8'));
  } finally {
    await file.close();
  }
}

function bad(path: string, what: string, hint: string): ConfigError {
  return new ConfigError('BAD_CONFIG', `the key file ${path} ${what}`, { info: { file: path }, hint });
}
