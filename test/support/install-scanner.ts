import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Puts the stand-in into a folder as `trivy`; returns a PATH with that folder first. */
export async function installScanner(folder: string): Promise<string> {
  const script = join(import.meta.dirname, 'scanner-stand-in.ts');
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return await installProgram(folder, 'trivy', `exec ${process.execPath} --import ${tsx} ${script} "$@"`);
}

/** Puts a shell script into a folder as a program; returns a PATH with that folder first. */
export async function installProgram(folder: string, name: string, script: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return `${folder}:/usr/bin:/bin`;
}
