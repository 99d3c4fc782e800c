import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** A database of packages is a few MiB; what is beyond this is none. */
const mostBytes = 64 * 1024 * 1024;

/**
 * The version of an installed package as dpkg's database has it, `1.1.5+ds1-1+deb12u1`; undefined where it is not installed, or where there is no dpkg.
 * The distribution's repairs show in nothing else: programs and the engine give the number of the project's release.
 */
export async function debianVersion(name: string, database = '/var/lib/dpkg/status'): Promise<string | undefined> {
  const stream = createReadStream(database, { end: mostBytes });
  // An iterator of lines does not hear of what fails in the stream.
  const failed = new Promise<undefined>((resolve) => stream.once('error', () => resolve(undefined)));
  const found = versionIn(createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }), name);
  try {
    return await Promise.race([found, failed]);
  } finally {
    stream.destroy();
  }
}

async function versionIn(lines: AsyncIterable<string>, name: string): Promise<string | undefined> {
  let [isIt, isInstalled] = [false, false];
  for await (const line of lines) {
    if (line === '') isIt = false;
    else if (line.startsWith('Package: ')) [isIt, isInstalled] = [line === `Package: ${name}`, false];
    else if (isIt && line.startsWith('Status: ')) isInstalled = line.endsWith(' installed');
    else if (isIt && isInstalled && line.startsWith('Version: ')) return line.slice('Version: '.length);
  }
  return undefined;
}
