import { isAbsolute, relative, resolve } from 'node:path';
import { allOver } from '../../kit/all-over.js';
import { codeOf } from '../../kit/error-code.js';
import { isGone, NotAsExpected, OpenFolder } from '../../kit/open-folder.js';
import type { HostObject } from '../approve.js';
import type { ProjectGit } from './project-git.js';
import { textOf } from './stamp.js';

/** Links that git does not know are looked for as far as this. */
const mostLevels = 3;
/** What is looked at of a project: nobody has so many links at such places. */
const mostLooks = 5000;
/** As many as the kernel follows. */
const mostHops = 40;

export interface PointedOptions {
  /** Whether what is at a path of the project is withheld for where it is, or leads to what would be. */
  readonly isWithheld: (path: string) => boolean;
  /** The host's git, in the project. */
  readonly git: ProjectGit;
  readonly signal: AbortSignal;
}

/**
 * Paths in a project that the host runs or trusts because something there points to them: where git is told to look for hooks, and where links
 * at withheld places lead, on every step of the way. The links that git tracks are known wherever they are; others in the top folder, and in
 * hidden and withheld ones as far as the third level. `.` is the whole project; a `*` is part of a name. The project is the host's own, and no
 * link is followed by the kernel.
 */
export async function pointedPlaces(project: HostObject, options: PointedOptions): Promise<readonly string[]> {
  await using top = await nothingThere(() => OpenFolder.at(project.source));
  if (top === undefined) return [];
  const links = new Links(top, project.source, options);
  const { git, signal } = options;
  const said = allOver([orNone(trackedLinks(git), signal), orNone(hooksPaths(project.source, git), signal)]);
  const [[tracked, hooks]] = await allOver([said, links.lookBelow([])]);
  for (const path of tracked.filter(options.isWithheld)) await links.follow(path.split('/'));
  // What is pointed to may have links in it that point on.
  for (const path of links.found) await links.lookBelow(path.split('/'));
  return [...links.found, ...hooks];
}

class Links {
  readonly found = new Set<string>();
  readonly #top: OpenFolder;
  readonly #source: string;
  readonly #options: PointedOptions;
  #left = mostLooks;

  constructor(top: OpenFolder, source: string, options: PointedOptions) {
    this.#top = top;
    this.#source = source;
    this.#options = options;
  }

  /** Looks for links in a folder of the project. */
  async lookBelow(names: readonly string[], levels = mostLevels): Promise<void> {
    const folders: string[] = [];
    await nothingThere(async () => {
      await using folder = await this.#top.down(names);
      for await (const bytes of folder.names()) {
        const name = textOf(bytes);
        if (name === undefined || !this.#isMeant(names, name)) continue;
        if (this.#left === 0) return;
        this.#left -= 1;
        this.#options.signal.throwIfAborted();
        const entry = await folder.entry(bytes);
        if (entry?.isSymbolicLink() === true && this.#isHeld([...names, name])) await this.follow([...names, name]);
        if (entry?.isDirectory() === true && name !== '.git' && name !== 'node_modules') folders.push(name);
      }
    });
    if (levels <= 1) return;
    for (const name of folders) await this.lookBelow([...names, name], levels - 1);
  }

  /** Notes every place on the way of a link, and where that ends, as far as it is in the project. */
  async follow(link: readonly string[]): Promise<void> {
    const at: string[] = [];
    let rest = [...link];
    for (let hops = 0; rest.length > 0 && hops < mostHops; ) {
      const [name = '', ...more] = rest;
      rest = more;
      if (name === '..' && at.pop() === undefined) return;
      if (name === '' || name === '.' || name === '..') continue;
      at.push(name);
      const target = await this.#targetAt(at);
      if (target === undefined) continue;
      this.#note(at, link);
      hops += 1;
      const inside = isAbsolute(target) ? relative(this.#source, target) : target;
      if (isAbsolute(target)) at.length = 0;
      else at.pop();
      rest = [...inside.split('/'), ...more];
    }
    if (rest.length === 0) this.#note(at, link);
  }

  #note(at: readonly string[], link: readonly string[]): void {
    const path = at.join('/');
    if (path !== '' && path !== link.join('/')) this.found.add(path);
  }

  async #targetAt(names: readonly string[]): Promise<string | undefined> {
    if (this.#left === 0) return undefined;
    this.#left -= 1;
    return nothingThere(async () => {
      await using folder = await this.#top.down(names.slice(0, -1));
      const name = names.at(-1) ?? '';
      if ((await folder.entry(name))?.isSymbolicLink() !== true) return undefined;
      return textOf(await folder.target(name));
    });
  }

  #isMeant(above: readonly string[], name: string): boolean {
    return name.startsWith('.') || this.#isHeld([...above, name]);
  }

  /** A link on the way is not meant: only what is below a folder that is pointed to. */
  #isHeld(names: readonly string[]): boolean {
    const isBelowFound = names.some((_, at) => at > 0 && this.found.has(names.slice(0, at).join('/')));
    return isBelowFound || this.#options.isWithheld(names.join('/'));
  }
}

/** What is not there, or can't be looked into, points to nothing. */
async function nothingThere<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (isGone(error) || error instanceof NotAsExpected || codeOf(error) === 'EACCES') return undefined;
    throw error;
  }
}

async function trackedLinks(git: ProjectGit): Promise<readonly string[]> {
  return (await git.top()) === undefined ? [] : (await git.index()).links;
}

/** Those in the project only: what lies elsewhere no session changes. */
async function hooksPaths(source: string, git: ProjectGit): Promise<readonly string[]> {
  const top = await git.top();
  if (top === undefined) return [];
  const inside = (await git.hooksPaths()).map((path) => relative(source, resolve(top, path)));
  // The project itself: any file in it may be a hook.
  return inside.filter((path) => path !== '..' && !path.startsWith('../')).map((path) => (path === '' ? '.' : path));
}

/** Nothing where there is no git, or no repository: then nobody runs hooks. */
async function orNone(said: Promise<readonly string[]>, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return await said;
  } catch {
    signal.throwIfAborted();
    return [];
  }
}
