import { presetText } from '../../core/egress-presets.js';
import { OpenFolder } from '../../kit/open-folder.js';
import { formatOf, lockFormats } from './formats.js';
import { placesIn } from './places-in.js';

/** Something that a project's lock files let expect that its tools will want to reach. It allows nothing. */
export interface Suggestion {
  /** As `allow` takes it: a rule, or a preset. */
  readonly allow: string;
  /** Names of files at the top of the project. */
  readonly files: readonly string[];
}

export interface Suggestions {
  /** Presets first; rules in the order of the files. */
  readonly list: readonly Suggestion[];
  /** False: something was too large or too much to be read. */
  readonly isComplete: boolean;
}

/** 50: whoever is asked about more reads none of them. */
const mostSuggested = 50;
const mostFiles = 24;
/** Large ones of real projects have some megabytes. */
const mostBytes = 8 * 1024 * 1024;
const mostBytesInAll = 16 * 1024 * 1024;
/** Entries of the project's folder that are looked at for lock files whose names vary. */
const mostEntries = 2000;

/**
 * What the lock files at the top of a project name, to be approved by a person or asked for by a client: never rules. The project may be
 * anybody's: no link is followed, only regular files are read, and only so much of them. Rejects with the kernel's error where the folder can't be opened.
 */
export async function suggestionsOf(project: string, signal?: AbortSignal): Promise<Suggestions> {
  await using folder = await OpenFolder.at(project);
  const names = await lockFilesIn(folder);
  const found = new Map<string, string[]>();
  let isComplete = names.length <= mostFiles;
  let left = mostBytesInAll;
  for (const name of names.slice(0, mostFiles)) {
    signal?.throwIfAborted();
    const format = formatOf(name);
    const content = format && (await readStart(folder, name, Math.min(mostBytes, left)));
    if (format === undefined || content === undefined) continue;
    left -= content.text.length;
    const { rules, isWhole } = placesIn(content.text, format);
    isComplete &&= content.isWhole && isWhole;
    for (const allow of [...(format.preset === undefined ? [] : [presetText(format.preset)]), ...rules]) {
      found.set(allow, [...(found.get(allow) ?? []), name]);
    }
  }
  const all = [...found].map(([allow, files]) => ({ allow, files }));
  const ordered = [...all.filter(isPreset), ...all.filter((one) => !isPreset(one))];
  return { list: ordered.slice(0, mostSuggested), isComplete: isComplete && ordered.length <= mostSuggested };
}

export function isPreset({ allow }: Suggestion): boolean {
  return allow.startsWith('preset:');
}

async function lockFilesIn(folder: OpenFolder): Promise<readonly string[]> {
  const fixed = lockFormats.flatMap(({ names }) => names);
  const present = await Promise.all(
    fixed.map(async (name) => ((await folder.entry(name)) === undefined ? [] : [name])),
  );
  const further: string[] = [];
  let seen = 0;
  for await (const bytes of folder.names()) {
    seen += 1;
    if (seen > mostEntries) break;
    const name = bytes.toString('latin1');
    if (!fixed.includes(name) && formatOf(name) !== undefined) further.push(name);
  }
  return [...present.flat(), ...further.sort()];
}

/** Undefined for what is no regular file, or can't be read. */
async function readStart(folder: OpenFolder, name: string, most: number) {
  try {
    await using file = await folder.file(name);
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, most));
    let at = 0;
    while (at < buffer.length) {
      const { bytesRead } = await file.read(buffer, at, buffer.length - at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return { text: buffer.toString('utf8', 0, at), isWhole: size <= most };
  } catch {
    return undefined;
  }
}
