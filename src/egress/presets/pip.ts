import { rulesFor } from './addresses-of.js';
import type { Preset } from './preset.js';

/** pip keeps its index and the host of its files in a module of its own; that the module has moved shows as an error. */
const builtIn = [
  'from pip._internal.models.index import PyPI',
  'print(PyPI.simple_url)',
  'print("https://" + PyPI.file_storage_domain)',
].join('\n');

/** pip's index, further indexes and places to find files in; its own defaults where no index is set. */
export const pip: Preset = async ({ ask, signal }) => {
  const [settings, defaults] = await Promise.all([
    ask(['python3', '-I', '-m', 'pip', 'config', 'list'], signal),
    ask(['python3', '-I', '-c', builtIn], signal),
  ]);
  if (settings === undefined) return undefined;
  const set = settings
    .split('\n')
    .flatMap(
      (line) => /^(?:global|install|download|:env:)\.([a-z-]+)='(.*)'$/.exec(line.trim())?.slice(1, 3).join(' ') ?? [],
    );
  const values = (name: string) =>
    set.filter((one) => one.startsWith(`${name} `)).flatMap((one) => one.slice(name.length + 1).split(/\\n|\s+/));
  const indexes = values('index-url');
  if (indexes.length === 0 && defaults === undefined) return undefined;
  const places = indexes.length > 0 ? indexes : (defaults ?? '').split('\n');
  return rulesFor([...places, ...values('extra-index-url'), ...values('find-links')]);
};
