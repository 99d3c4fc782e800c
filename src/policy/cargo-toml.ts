import { parse } from 'smol-toml';
import { z } from 'zod';
import type { FileContent } from './file-content.js';

/** What cargo and language servers run while they build: `package.build` names a program, the others make one of the library. */
const running = ['package.build', 'package.links', 'lib.proc-macro', 'lib.proc_macro', 'lib.plugin', 'lib.crate-type'];
/** The same field under its older name. */
const alias = { 'lib.crate_type': 'lib.crate-type' };

const tableSchema = z.record(z.string(), z.unknown());
type Table = z.output<typeof tableSchema>;

export function isCargoToml(path: string): boolean {
  return /(?:^|\/)cargo\.toml$/i.test(path);
}

/** What would be run by a build otherwise than before, as `package.build`; empty where nothing would. What can not be read counts as different. */
export function differsInBuilding(before: FileContent, after: FileContent): readonly string[] {
  const fresh = parsed(after);
  if (fresh === undefined) return ['unreadable'];
  const old = parsed(before) ?? {};
  return [...running, ...Object.keys(alias)].filter(
    (key) => JSON.stringify(at(old, key)) !== JSON.stringify(at(fresh, key)),
  );
}

function at(top: Table, key: string): unknown {
  const [name = '', field = ''] = key.split('.');
  const table = tableSchema.safeParse(top[name]);
  return table.success ? table.data[field] : undefined;
}

function parsed(content: FileContent): Table | undefined {
  if (content === 'none') return {};
  if (content === 'unknown') return undefined;
  try {
    return tableSchema.parse(parse(new TextDecoder('utf-8', { fatal: true }).decode(content)));
  } catch {
    return undefined;
  }
}
