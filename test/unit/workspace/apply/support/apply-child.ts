// Applies what is written down in a file, and ends itself by kill -9 before the Nth thing that it does to a folder, if it is told to.
import { readFileSync } from 'node:fs';
import { OpenFolder } from '../../../../../src/kit/open-folder.js';
import { applyChanges } from '../../../../../src/workspace/apply/apply.js';
import type { Change } from '../../../../../src/workspace/changes/change.js';
import type { Layer } from '../../../../../src/workspace/changes/layer.js';

const [file = '', last = '0'] = process.argv.slice(2);
const noted = JSON.parse(readFileSync(file, 'utf8')) as {
  layer: Omit<Layer, 'sinceNs'> & { sinceNs: string };
  changes: readonly Change[];
};
const { layer, changes } = noted;

let count = 0;
/** The things done right after a folder was made: nobody has noted yet that it was. */
const afterFolders: number[] = [];
const folder = OpenFolder.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
for (const name of [
  'entry',
  'file',
  'newFile',
  'newFolder',
  'newLink',
  'rename',
  'link',
  'setMode',
  'remove',
  'removeFolder',
  'sync',
]) {
  const real = folder[name]!;
  folder[name] = function (...args) {
    count += 1;
    if (name === 'newFolder') afterFolders.push(count + 1);
    if (count === Number(last)) process.kill(process.pid, 'SIGKILL');
    return real.apply(this, args);
  };
}

process.stdout.write('begins\n');
await applyChanges({ ...layer, sinceNs: BigInt(layer.sinceNs) }, changes, {
  ...{ all: changes, overwrite: new Set(), isDry: false, signal: new AbortController().signal },
  judge: { concerns: () => false, judge: () => undefined },
});
process.stdout.write(`${count}\n${JSON.stringify(afterFolders)}\n`);
