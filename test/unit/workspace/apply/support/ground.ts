import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { applyChanges } from '../../../../../src/workspace/apply/apply.js';
import type { ContentJudge } from '../../../../../src/workspace/apply/content-judge.js';
import type { Outcome } from '../../../../../src/workspace/apply/result.js';
import type { Change, Entry } from '../../../../../src/workspace/changes/change.js';
import type { Layer } from '../../../../../src/workspace/changes/layer.js';
import { entryOf, textOf } from '../../../../../src/workspace/changes/stamp.js';

/** Objects to nothing. */
export const noJudge: ContentJudge = { concerns: () => false, judge: () => undefined };

/** Of a file; `folder/`; or where a link leads. */
export type Content = string | { readonly to: string };

/** A project and a layer over it, in a temporary folder, without an overlay: the changes are those that a review would find. */
export class Ground implements Disposable {
  readonly top = mkdtempSync(join(tmpdir(), 'paddock-apply-'));
  readonly project = join(this.top, 'project');
  readonly upper = join(this.top, 'layer/upper');
  sinceNs = 0n;

  constructor() {
    mkdirSync(this.project);
    mkdirSync(this.upper, { recursive: true });
  }

  get layer(): Layer {
    const { dev, ino } = lstatSync(this.project, { bigint: true });
    const project = { source: this.project, dev: String(dev), ino: String(ino) };
    return { folder: join(this.top, 'layer'), upper: this.upper, project, sinceNs: this.sinceNs };
  }

  /** Fills the project; from then on the session sees it. */
  host(files: Readonly<Record<string, Content>>): void {
    for (const [path, content] of Object.entries(files)) put(join(this.project, path), content);
    this.sinceNs = this.now();
  }

  session(files: Readonly<Record<string, Content>>): void {
    for (const [path, content] of Object.entries(files)) put(join(this.upper, path), content);
  }

  /** By the clock that files go by. */
  now(): bigint {
    const file = join(this.top, 'now');
    writeFileSync(file, '');
    const { ctimeNs } = lstatSync(file, { bigint: true });
    unlinkSync(file);
    return ctimeNs;
  }

  /** As a review would show it. */
  change(kind: Change['kind'], path: string, from?: string): Change {
    const before = kind === 'added' ? undefined : this.#entry(join(this.project, from ?? path));
    const after = kind === 'deleted' ? undefined : this.#entry(join(this.upper, path));
    return { path, kind, ...(before && { before }), ...(after && { after }), ...(from === undefined ? {} : { from }) };
  }

  apply(
    changes: readonly Change[],
    options: {
      overwrite?: readonly string[];
      isDry?: boolean;
      judge?: ContentJudge;
      all?: readonly Change[];
      signal?: AbortSignal;
    } = {},
  ): Promise<readonly Outcome[]> {
    const {
      overwrite = [],
      isDry = false,
      judge = noJudge,
      all = changes,
      signal = new AbortController().signal,
    } = options;
    return applyChanges(this.layer, changes, { all, overwrite: new Set(overwrite), isDry, judge, signal });
  }

  /** Everything in the project, by its path: content, where a link leads, or `folder/`. */
  tree(): Record<string, string> {
    return treeOf(this.project);
  }

  read(path: string): string {
    return readFileSync(join(this.project, path), 'utf8');
  }

  has(path: string): boolean {
    return existsSync(join(this.project, path));
  }

  mode(path: string): number {
    return lstatSync(join(this.project, path)).mode & 0o7777;
  }

  [Symbol.dispose](): void {
    rmSync(this.top, { recursive: true, force: true });
  }

  #entry(path: string): Entry {
    const facts = lstatSync(path, { bigint: true });
    const target = facts.isSymbolicLink() ? Buffer.from(readlinkSync(path, { encoding: 'buffer' })) : undefined;
    if (target !== undefined && textOf(target) === undefined) throw new Error('no text');
    return entryOf(facts, undefined, target);
  }
}

export function treeOf(top: string, below = ''): Record<string, string> {
  // By hand: the recursive readdir of Node follows links.
  const entries = readdirSync(join(top, below), { withFileTypes: true }).map((entry): Record<string, string> => {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) return { [path]: 'folder/', ...treeOf(top, path) };
    return {
      [path]: entry.isSymbolicLink() ? `-> ${readlinkSync(join(top, path))}` : readFileSync(join(top, path), 'utf8'),
    };
  });
  return Object.fromEntries(entries.flatMap(Object.entries).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function put(path: string, content: Content, mode?: number): void {
  mkdirSync(dirname(path), { recursive: true });
  if (content === 'folder/') mkdirSync(path, { recursive: true });
  else if (typeof content === 'string') writeFileSync(path, content);
  else symlinkSync(content.to, path);
  if (mode !== undefined) chmodSync(path, mode);
}
