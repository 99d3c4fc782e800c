import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from '../core/errors.js';
import type { SitePolicy } from '../core/site-policy.js';
import { codeOf } from '../kit/error-code.js';
import { parseRule } from '../policy/egress/rule.js';
import { isReachable } from '../policy/network.js';
import { type ConfigEffects, diskEffects, type FoundFile } from './effects.js';
import { checkWriters } from './trust.js';

const mostRules = 1024;
const heading = '# What was approved for always, a rule a line (docs/network.md). Remove a line to be asked again.\n';

const keptElsewhere =
  'Write the rule into that file where it can be written, a line of its own, or answer with --always there; for a server in a container, on the host.';

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

/** The file as it is now. Errors: BAD_CONFIG where others could have written it. */
export async function findApproved(path: string, uid: number, effects: ConfigEffects): Promise<FoundFile | undefined> {
  const file = await effects.readFile(path, true);
  if (file !== undefined) checkWriters(file, path, [0, uid]);
  return file;
}

/**
 * The site's policy with what is approved by now: a server lives for long, and "always" is meant for its next session as well. Errors:
 * BAD_CONFIG.
 */
export async function withApproved(
  { sitePolicy, approvedPath: path }: { readonly sitePolicy: SitePolicy; readonly approvedPath: string },
  uid: number,
): Promise<SitePolicy> {
  const { egress } = sitePolicy;
  const file = await findApproved(path, uid, diskEffects);
  return {
    ...sitePolicy,
    egress: { ...egress, approved: readApproved(file, path, [...egress.allow, ...egress.ask], []) },
  };
}

/**
 * Appends a canonical rule; whole lines, so that two at once harm nobody. Errors: BAD_CONFIG where the folder of settings can't be written, as that of a
 * server in a container.
 */
export async function addApproved(path: string, rule: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await appendFile(path, heading, { mode: 0o600, flag: 'ax' }).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    // Whoever edits it by hand may leave out the end of the last line; an empty line is nothing.
    await appendFile(path, `\n${rule}\n`);
  } catch (cause) {
    const message = `${rule} could not be kept in ${path} (${codeOf(cause) ?? 'failed'}): it is let through while this session is held, and not in later ones`;
    throw new ConfigError('BAD_CONFIG', message, { cause, hint: keptElsewhere });
  }
}
