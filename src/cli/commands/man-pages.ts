import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PaddockError } from '../../core/errors.js';
import type { CliCommand } from '../command.js';
import { manPages } from '../man-pages.js';
import { report } from '../output.js';

/** For the build, which has no other way to the definitions of the commands than the program itself. */
export function manPagesOf(loaders: readonly (() => Promise<CliCommand>)[]): CliCommand {
  return {
    name: 'man-pages',
    usage: 'man-pages FOLDER',
    summary: 'writes the manual pages into a folder',
    isHidden: true,
    mostPositionals: 1,
    options: {},
    async run(context) {
      const [folder] = context.positionals;
      if (folder === undefined) throw new PaddockError('BAD_ARGUMENT', 'say which folder');
      // As reproducible builds ask for it: seconds since the epoch.
      const epoch = Number(context.env['SOURCE_DATE_EPOCH'] ?? Date.now() / 1000);
      const date = new Date(epoch * 1000).toISOString().slice(0, 10);
      const pages = manPages(await Promise.all(loaders.map((load) => load())), date);
      await mkdir(folder, { recursive: true });
      for (const { name, text } of pages) await writeFile(join(folder, name), text);
      await report(context, { folder, pages: pages.map(({ name }) => name) }, `${pages.length} pages`);
      return 0;
    },
  };
}
