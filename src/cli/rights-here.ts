import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Config } from '../config/load.js';
import { isCovered } from '../config/site-rules.js';
import { allTools } from '../tools/all-tools.js';
import { toolGroups } from '../tools/tool-groups.js';

// What somebody is to be given, by a key or by a token, held against what there is. Problems are in words, for whoever says where it was written.

/** The first that is the name neither of a tool nor of a group of them, and those that there are. */
export function foreignTool(names: readonly string[]): { readonly name: string; readonly known: string } | undefined {
  const known = [...Object.keys(toolGroups), ...allTools.map((tool) => tool.name)];
  const name = names.find((one) => !known.includes(one));
  return name === undefined ? undefined : { name, known: known.join(', ') };
}

export function profileProblem(name: string | undefined, { profiles }: Pick<Config, 'profiles'>): string | undefined {
  const known = profiles.map((one) => one.name);
  if (name === undefined || known.includes(name)) return undefined;
  return `there is no profile ${name}; there are ${known.join(', ')}`;
}

/** Why a folder can't be given, in words. */
interface RootProblem {
  readonly problem: string;
  /** The folder as it is named, where it may come to lie there yet: a session that writes above it can put links there and move it away. */
  readonly later?: string;
}

/**
 * The folder as it really lies: what is judged later is, too. One that is named by way of a link is a problem: a session that writes what the link lies in
 * could have led it elsewhere, and nobody would see what was given.
 */
export async function rootWithin(
  path: string,
  allowed: readonly string[],
): Promise<{ readonly root: string } | RootProblem> {
  const named = resolve(path);
  const later = isCovered(named, allowed) ? { later: named } : {};
  const root = await realpath(named).catch(() => undefined);
  if (root === undefined) return { problem: `there is no folder ${path}`, ...later };
  if (root !== named)
    return { problem: `${path} leads to ${root} by a link; name that folder if it is meant`, ...later };
  if (isCovered(root, allowed)) return { root };
  return { problem: `${root} is not within the policy's allowed_roots [${allowed.join(', ')}]` };
}
