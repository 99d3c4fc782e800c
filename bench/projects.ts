import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Shape {
  readonly folders: number;
  readonly filesEach: number;
  readonly fileBytes: number;
}

/** In how many folders `changes` changes something, four things in each. */
const changedFolders = 250;

/** What the issue of a large project is about: 1 GB in 100,000 files. */
export const large: Shape = { folders: 1000, filesEach: 100, fileBytes: 10_240 };
/** What is changed of it and no more. */
export const small: Shape = { ...large, folders: changedFolders, filesEach: 4 };

const folderOf = (index: number) => `part${Math.floor(index / 100)}/folder${index}`;

/** Files that all differ: neither git nor a file system stores any of them once for several. */
export function plant(path: string, { folders, filesEach, fileBytes }: Shape): void {
  const bytes = Buffer.from(Array.from({ length: fileBytes }, (_, i) => (i % 64 === 63 ? 10 : 97 + (i % 23))));
  for (let at = 0; at < folders; at += 1) {
    const folder = join(path, folderOf(at));
    mkdirSync(folder, { recursive: true });
    for (let file = 0; file < filesEach; file += 1) {
      bytes.write(`${at} ${file} `.padEnd(12), 0);
      writeFileSync(join(folder, `file${file}`), bytes);
    }
  }
}

/**
 * A shell line that makes 1,000 changes: files that grow, files that are as long as before and differ in their last byte, files that are moved,
 * and new ones.
 */
export const changes = [
  `i=0; while [ $i -lt ${changedFolders} ]; do cd "part$((i / 100))/folder$i"; echo more >>file0`,
  'printf z | dd of=file1 bs=1 seek=10239 conv=notrunc 2>/dev/null; mv file2 moved; echo new >made; cd ../..; i=$((i + 1)); done',
].join('\n');
export const changeCount = 4 * changedFolders;

/** Makes a repository of it in which everything is tracked, by a pack and not by 100,000 loose objects. */
export async function intoGit(path: string): Promise<void> {
  const git = (...args: string[]) => run('git', args, { cwd: path, maxBuffer: 64 * 1024 ** 2 });
  await git('init', '-q');
  for (const setting of ['core.bigFileThreshold=1', 'core.compression=0', 'gc.auto=0']) {
    await git('config', ...setting.split('='));
  }
  writeFileSync(join(path, '.gitignore'), 'node_modules/\n*.log\n/dist/\n');
  await git('add', '.');
  await git('-c', 'user.name=bench', '-c', 'user.email=bench@localhost', 'commit', '-q', '-m', 'All of it');
}
