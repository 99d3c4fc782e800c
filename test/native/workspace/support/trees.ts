import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../../src/kit/clock.js';
import type { Review } from '../../../../src/workspace/changes/change.js';
import { changesOf, type ReviewOptions } from '../../../../src/workspace/changes/changes-of.js';
import type { Layer } from '../../../../src/workspace/changes/layer.js';
import type { CopyOptions } from '../../../../src/workspace/copy-layer.js';
import { copyProject } from '../../../../src/workspace/project-copy.js';

/** A tree in memory: of a project, of a layer, or what a session sees. */
export type Tree =
  | { readonly type: 'file'; readonly content: string; readonly mode: number }
  | { readonly type: 'link'; readonly target: string }
  | { readonly type: 'gone' }
  | { readonly type: 'folder'; readonly mode: number; readonly isOpaque: boolean; readonly children: Children };
export type Children = ReadonlyMap<string, Tree>;

export const file = (content: string, mode = 0o644): Tree => ({ type: 'file', content, mode });
export const link = (target: string): Tree => ({ type: 'link', target });
export const gone: Tree = { type: 'gone' };
export const folder = (children: Readonly<Record<string, Tree>> = {}, mode = 0o755): Tree & { type: 'folder' } => ({
  ...{ type: 'folder', mode, isOpaque: false, children: new Map(Object.entries(children)) },
});
export const opaque = (children: Readonly<Record<string, Tree>> = {}): Tree => ({
  ...folder(children),
  isOpaque: true,
});

/** Everything was written long ago by this clock: nothing is waited for. */
export const laterClock = { ...systemClock, now: () => Date.now() + 10_000 };

/** A project and a layer over it, on the disk. */
export class Trees implements Disposable {
  readonly top: string;
  readonly layer: Layer;
  readonly #programs: { readonly init: string; readonly mark: string };

  constructor(programs: { readonly init: string; readonly mark: string }) {
    this.#programs = programs;
    this.top = realpathSync(mkdtempSync(join(tmpdir(), 'paddock-changes-')));
    for (const name of ['project', 'upper']) mkdirSync(join(this.top, name));
    const source = join(this.top, 'project');
    const { dev, ino } = lstatSync(source, { bigint: true });
    const project = { source, dev: String(dev), ino: String(ino) };
    this.layer = { folder: this.top, upper: join(this.top, 'upper'), project, sinceNs: 0n };
  }

  put(side: 'project' | 'upper' | 'copy/upper', tree: Readonly<Record<string, Tree>> | Children): this {
    const children = tree instanceof Map ? (tree as Children) : new Map(Object.entries(tree));
    const marks: string[] = [];
    putChildren(join(this.top, side), children, marks);
    if (marks.length > 0) execFileSync(this.#programs.mark, marks);
    return this;
  }

  review(options: Partial<ReviewOptions> = {}): Promise<Review> {
    return this.ofLayer(this.layer, options);
  }

  /** The same for another layer over the project. */
  ofLayer(layer: Layer, options: Partial<ReviewOptions> = {}): Promise<Review> {
    const { init: program } = this.#programs;
    return changesOf(layer, { program, signal: new AbortController().signal, clock: laterClock, ...options });
  }

  /** The project copied for a session of its own: its layer. */
  async copied(name: string, limits: Partial<CopyOptions> = {}): Promise<Layer> {
    const folder = join(this.top, name);
    const upper = join(folder, 'upper');
    mkdirSync(upper, { recursive: true });
    const { project } = this.layer;
    const options = { program: this.#programs.init, mostBytes: 1024 ** 2, mostEntries: 1000, ...limits };
    const shown = { ...project, kind: 'folder' as const, readOnly: true, submounts: [] };
    await copyProject(folder, upper, shown, { signal: new AbortController().signal, ...options });
    return { ...this.layer, folder, upper, isCopy: true };
  }

  [Symbol.dispose](): void {
    rmSync(this.top, { recursive: true });
  }
}

function putChildren(path: string, children: Children, marks: string[]): void {
  for (const [name, tree] of children) {
    const at = join(path, name);
    if (tree.type === 'gone') marks.push('gone', at);
    else if (tree.type === 'link') symlinkSync(tree.target, at);
    else if (tree.type === 'file') writeFileSync(at, tree.content);
    else {
      mkdirSync(at);
      if (tree.isOpaque) marks.push('opaque', at);
      putChildren(at, tree.children, marks);
    }
    if ('mode' in tree) chmodSync(at, tree.mode);
  }
}

/** Each change as one line: what it is, where, and why it is refused. */
export function lines({ changes }: Pick<Review, 'changes'>): readonly string[] {
  return changes.map(({ kind, path, from, refused }) =>
    [
      kind,
      path,
      ...(from === undefined ? [] : [`from ${from}`]),
      ...(refused === undefined ? [] : [`(${refused})`]),
    ].join(' '),
  );
}
