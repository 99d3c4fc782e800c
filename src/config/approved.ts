import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from '../kit/error-code.js';
import { parseRule } from '../policy/egress/rule.js';
import { isReachable } from '../policy/network.js';
import type { FoundFile } from './effects.js';

const mostRules = 1024;
const heading = '# What was approved for always, a rule a line (docs/network.md). Remove a line to be asked again.\n';

/** Beside the user's settings. */
export function approvedPath(configHome: string): string {
  return `${configHome}/paddock/approved-hosts`;
}

/** The rules of that file that the policy's lists cover; the others are warnings: what was approved once may be beyond a later policy. */
export function readApproved(
  file: FoundFile | undefined,
  path: string,
  lists: readonly string[],
  warnings: string[],
): readonly string[] {
  const lines = (file?.text ?? '').split('\n').map((line) => line.trim());
  const texts = [...new Set(lines.filter((line) => line !== '' && !line.startsWith('#')))].slice(0, mostRules);
  return texts.flatMap((text) => {
    const reading = parseRule(text, { openAllowed: false });
    if (!('rule' in reading)) {
      warnings.push(`${path}: ${reading.problem}; it was not used`);
      return [];
    }
    const rule = reading.rule.text;
    if (isReachable(rule, lists)) return [rule];
    warnings.push(`${path}: ${rule} is beyond the policy’s lists egress.allow and egress.ask; it was not used`);
    return [];
  });
}

/** Appends a canonical rule; whole lines, so that two at once harm nobody. */
export async function addApproved(path: string, rule: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await appendFile(path, heading, { mode: 0o600, flag: 'ax' }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  await appendFile(path, `${rule}\n`);
}
