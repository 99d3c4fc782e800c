import { differsInBuilding, isCargoToml } from './cargo-toml.js';
import type { FileContent } from './file-content.js';
import { differsInRunning, isPackageJson } from './package-json.js';
import type { PlaceVerdict } from './withheld.js';

interface ContentRule {
  readonly rule: 'withheld.package-json' | 'withheld.cargo-toml';
  readonly isMeant: (path: string) => boolean;
  readonly differs: (before: FileContent, after: FileContent) => readonly string[];
}

const rules: readonly ContentRule[] = [
  { rule: 'withheld.package-json', isMeant: isPackageJson, differs: differsInRunning },
  { rule: 'withheld.cargo-toml', isMeant: isCargoToml, differs: differsInBuilding },
];

/** Whether what is in a file decides about a change at that path. */
export function isJudgedByContent(path: string): boolean {
  return rules.some(({ isMeant }) => isMeant(path));
}

/** Withholds a file that says what is run, by what of that differs; undefined where nothing does. Pure. */
export function verdictOnContent(path: string, before: FileContent, after: FileContent): PlaceVerdict | undefined {
  for (const { rule, isMeant, differs } of rules) {
    const found = isMeant(path) ? differs(before, after) : [];
    if (found.length > 0) return { rule, found };
  }
  return undefined;
}
