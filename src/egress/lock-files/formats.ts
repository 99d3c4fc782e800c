import type { PresetName } from '../../core/egress-presets.js';

/** How the lock files of one tool name where things come from. */
export interface LockFormat {
  /** Files at the top of a project. */
  readonly names: readonly string[];
  /** Further ones; none holds a character that acts on a terminal. */
  readonly further?: RegExp;
  /** Whose settings say where the tool looks, whatever the file has. */
  readonly preset?: PresetName;
  /** `http://…` or `https://…` up to its path, in the first group that matched, or a host alone. Each takes time in proportion to the text at most. */
  readonly places: RegExp;
  /** Begins what is no part of the file's meaning, up to the end of the line. */
  readonly comments?: RegExp;
}

/**
 * What is read of each. Other addresses in the same files (home pages, funding) are not where a tool goes. Of Cargo's default registry the
 * file names a place that cargo does not ask any more, so that one is left to the preset.
 */
export const lockFormats: readonly LockFormat[] = [
  {
    names: ['package-lock.json', 'npm-shrinkwrap.json'],
    preset: 'npm',
    places: /"resolved"\s{0,4}:\s{0,4}"(?:git\+)?(https?:\/\/[^"'/\\\s?#]{1,300})/g,
  },
  { names: ['yarn.lock'], preset: 'npm', places: /(?:\bresolved "?|@)(https?:\/\/[^"'/\\\s?#]{1,300})/g },
  {
    names: ['pnpm-lock.yaml'],
    preset: 'npm',
    places: /\b(?:tarball|registry|repo): ["']?(?:git\+)?(https?:\/\/[^"'/\\\s?#,}]{1,300})/g,
  },
  {
    names: ['poetry.lock', 'uv.lock'],
    preset: 'pip',
    places: /\b(?:url|registry|git) = "(https?:\/\/[^"'/\\\s?#]{1,300})/g,
  },
  {
    names: ['Pipfile.lock'],
    preset: 'pip',
    places: /"(?:url|file|git)"\s{0,4}:\s{0,4}"(?:git\+)?(https?:\/\/[^"'/\\\s?#]{1,300})/g,
  },
  {
    names: ['requirements.txt'],
    further: /^requirements[\w.-]{1,60}\.txt$/,
    preset: 'pip',
    places: /(?:^|[\s=@+"'])(https?:\/\/[^"'/\\\s?#]{1,300})/gm,
    comments: /(?:^|[ \t])#.*$/gm,
  },
  { names: ['Cargo.lock'], preset: 'cargo', places: /"(?:sparse|git)\+(https?:\/\/[^"'/\\\s?#]{1,300})/g },
  {
    names: ['go.mod', 'go.sum'],
    preset: 'go',
    places: /^[ \t]{0,4}(?:require[ \t])?([a-z0-9][a-z0-9.-]{0,252})(?:\/[^\s]{0,500})? v\d/gm,
    comments: /\/\/.*$/gm,
  },
  { names: ['.gitmodules'], places: /^[ \t]{0,8}url[ \t]{0,4}=[ \t]{0,4}(https?:\/\/[^"'/\\\s?#]{1,300})/gm },
];

/** The format of a file of that name. */
export function formatOf(name: string): LockFormat | undefined {
  return lockFormats.find(({ names, further }) => names.includes(name) || further?.test(name) === true);
}
