import { access, constants, open, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { isInside } from '../kit/path-containment.js';
import { programPaths } from './host-binds.js';

export interface ProgramSearch {
  /** Its name, such as `claude`: no path. */
  readonly name: string;
  /** PATH of the user on the host. */
  readonly path: string;
  /** Folders besides /usr that the host image shows, each at its own path. */
  readonly hostFolders: readonly string[];
  /** Folders that the site lets it show; what lies in one only needs to be named. */
  readonly allowedFolders: readonly string[];
  /** PATH inside, without what `hostFolders` add to it. */
  readonly sandboxPath: string;
  /** What stands for /usr; tests have a folder of their own. */
  readonly systemFolder?: string;
}

export type FoundProgram =
  /** `command` is an absolute path that leads to it inside as well, through no link that leads out of what is shown. */
  | { readonly isFound: true; readonly command: string }
  | {
      readonly isFound: false;
      readonly why: 'missing' | 'not-shown' | 'no-interpreter';
      readonly reason: string;
      readonly hint: string;
    };

/** No path of a first line is longer: the kernel cuts it there. */
const firstLineBytes = 256;

/**
 * Looks for a program that is installed on the host where the host image shows it: under /usr, or in one of its extra folders. Follows
 * links on the host to where they end, since only that has to be shown, and looks at the interpreter of a script too. Says
 * what to do where the user has it and a sandbox does not see it. Runs nothing.
 */
export async function findProgram(search: ProgramSearch): Promise<FoundProgram> {
  const { name, path, hostFolders, systemFolder = '/usr' } = search;
  const shown = [systemFolder, ...(await Promise.all(hostFolders.map(resolved)))];
  const inside = await sandboxFolders(search);
  const hidden: FoundProgram[] = [];
  for (const folder of new Set([...path.split(':'), ...inside])) {
    const real = await programIn(folder, name);
    if (real === undefined) continue;
    const isShown = shown.some((one) => isInside(real, one));
    const lacking = isShown ? await lackingInterpreter(real, inside, shown) : undefined;
    if (isShown && lacking === undefined) return { isFound: true, command: real };
    hidden.push(lacking === undefined ? notShown(join(folder, name), real, search) : noInterpreter(real, lacking));
  }
  return hidden[0] ?? missing(search);
}

async function sandboxFolders({ sandboxPath, hostFolders }: ProgramSearch): Promise<readonly string[]> {
  const extra = await Promise.all(hostFolders.map(programPaths));
  return [...extra.flat(), ...sandboxPath.split(':')];
}

/** Where the links of this name end, when that is a program. */
async function programIn(folder: string, name: string): Promise<string | undefined> {
  if (!isAbsolute(folder)) return undefined;
  try {
    const real = await realpath(join(folder, name));
    await access(real, constants.X_OK);
    return (await stat(real)).isFile() ? real : undefined;
  } catch {
    return undefined;
  }
}

/** The interpreter that a script names and a sandbox would not find; undefined for what needs none, or finds it. */
async function lackingInterpreter(
  script: string,
  inside: readonly string[],
  shown: readonly string[],
): Promise<string | undefined> {
  const line = await firstLine(script);
  const [interpreter, argument, second] = /^#!\s*(.*)/.exec(line)?.[1]?.trim().split(/\s+/) ?? [];
  if (interpreter === undefined || interpreter === '') return undefined;
  const isEnv = interpreter.endsWith('/env');
  const wanted = isEnv ? (argument === '-S' ? second : argument) : interpreter;
  if (wanted === undefined) return undefined;
  const folders = isEnv ? inside : [dirname(wanted)];
  const found = await Promise.all(folders.map((folder) => programIn(folder, wanted.replace(/^.*\//, ''))));
  const isThere = found.some((real) => real !== undefined && shown.some((one) => isInside(real, one)));
  return isThere ? undefined : wanted;
}

async function firstLine(path: string): Promise<string> {
  // A program that may be run and not read is no script: the kernel could not hand it to an interpreter.
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(firstLineBytes), 0, firstLineBytes, 0);
    return buffer.toString('latin1', 0, bytesRead).split('\n', 1)[0] ?? '';
  } finally {
    await file.close();
  }
}

async function resolved(folder: string): Promise<string> {
  return await realpath(folder).catch(() => normalize(folder));
}

function notShown(named: string, real: string, { allowedFolders }: ProgramSearch): FoundProgram {
  const folder = folderToShow(real);
  const isAllowed = allowedFolders.some((one) => isInside(folder, one));
  const way = named === real ? named : `${named}, which leads to ${real},`;
  return {
    isFound: false,
    why: 'not-shown',
    reason: `${way} is not in what the host image shows`,
    hint: isAllowed
      ? `Show its folder: \`host_folders = ["${folder}"]\` in ~/.config/paddock/config.toml, or --host-folders ${folder}.`
      : 'Install it under /usr, build an image that has it (docs/images.md), or let its folder be shown: ' +
        `\`host_folders = ["${folder}"]\` in ~/.config/paddock/config.toml, and once more below \`[policy]\` there ` +
        '(in /etc/paddock/policy.toml, where there is one).',
  };
}

/** All of what npm or a version manager has put in one place: a program alone would miss its parts. */
function folderToShow(real: string): string {
  const modules = real.indexOf('/lib/node_modules/');
  return modules > 0 ? real.slice(0, modules) : dirname(real);
}

function noInterpreter(real: string, interpreter: string): FoundProgram {
  return {
    isFound: false,
    why: 'no-interpreter',
    reason: `${real} is a script for ${interpreter}, which the host image does not show`,
    hint: `Install ${interpreter} under /usr, or name the folder it is in with host_folders (docs/host-image.md).`,
  };
}

function missing({ name }: ProgramSearch): FoundProgram {
  return {
    isFound: false,
    why: 'missing',
    reason: `there is no ${name} on this host's PATH`,
    hint: 'Install it under /usr (as root by npm: `npm install --global`) or elsewhere on PATH in a folder that is shown (docs/host-image.md), or build an image that has it (docs/images.md).',
  };
}
