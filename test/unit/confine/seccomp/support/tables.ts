import { allowedGroups } from '../../../../../src/confine/seccomp/allowed.js';
import { argumentRules } from '../../../../../src/confine/seccomp/by-argument.js';
import { refusedGroups } from '../../../../../src/confine/seccomp/refused.js';
import type { ArgumentRule, Condition } from '../../../../../src/confine/seccomp/rule.js';
import { openings } from '../../../../../src/confine/seccomp/variants.js';
import { seccompVariants } from '../../../../../src/core/spec.js';
import { type Answer, engineDefault, engineNames, ours } from './filter.js';

const errnoNames: Readonly<Record<number, string>> = { 1: 'EPERM', 22: 'EINVAL', 38: 'ENOSYS' };
const own = seccompVariants.map((variant) => ours(variant));
const engines = engineNames.map((name) => engineDefault(name));

function word(answer: Answer | 'by argument'): string {
  if (answer === 'allow') return '**yes**';
  return answer === 'by argument' ? answer : (errnoNames[answer] ?? String(answer));
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, at) => Math.max(heading.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  return [line(headings), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

const everywhere = ['call', ...seccompVariants.map((name) => `\`${name}\``), 'Docker', 'Podman 4.3', 'Podman 5.4'];

function verdicts(call: string): readonly string[] {
  return [`\`${call}\``, ...[...own, ...engines].map((filter) => word(filter.verdict(call)))];
}

function condition(one: Condition): string {
  if (one.is === 'masked') return `argument ${one.index} & 0x${one.mask.toString(16)} is 0x${one.value.toString(16)}`;
  return `argument ${one.index} is ${one.is === 'equal' ? '' : 'above '}0x${one.value.toString(16)}`;
}

function ruleRow({ call, when, result, why, only, processors }: ArgumentRule): readonly string[] {
  const places = [...(only ?? []).map((name) => `\`${name}\``), ...(processors ?? [])].join(', ');
  const answer = result === 'allow' ? '**yes**' : result;
  return [`\`${call}\``, when.map(condition).join(', ') || 'always', answer, places || 'all', why];
}

/** The part of docs/seccomp.md that is made from the source: every call, and what the engines' own defaults do with it. */
export function tables(): string {
  const byArgument = [...new Set(argumentRules.map(({ call }) => call))];
  const refused = refusedGroups.map(({ topic, stops, breaks, calls }) => {
    return [`### ${topic}`, `Stops: ${stops}`, `Breaks: ${breaks}`, table(everywhere, calls.map(verdicts))].join(
      '\n\n',
    );
  });
  const allowed = allowedGroups.map(({ topic, why, calls }) => [
    topic,
    why,
    calls.map((call) => `\`${call}\``).join(' '),
  ]);
  const older = allowedGroups.flatMap(({ calls }) => calls).filter((call) => engines[1]?.verdict(call) !== 'allow');
  return [
    '## Variants',
    table(
      ['variant', 'for', 'risk', 'opens'],
      seccompVariants.map((name) => {
        const { purpose, risk, calls } = openings[name];
        return [`\`${name}\``, purpose, risk, calls.map((call) => `\`${call}\``).join(' ') || '-'];
      }),
    ),
    '## Refused',
    ...refused,
    '## By argument',
    table(everywhere, [...byArgument, 'keyctl'].map(verdicts)),
    table(['call', 'when', 'answer', 'variants', 'why'], argumentRules.map(ruleRow)),
    '## Allowed',
    `Docker’s and Podman’s defaults let all of these through as well (but Podman 4.3 not ${older.map((call) => `\`${call}\``).join(', ')}, which is younger).`,
    table(['topic', 'why', 'calls'], allowed),
    '## Not of these processors’ own',
    'Refused by the way they are called, whatever their name, since only native calls are known to the filter; Docker and Podman let these through:',
    notNative(byArgument).join(' '),
  ].join('\n\n');
}

function notNative(byArgument: readonly string[]): readonly string[] {
  const known = [...allowedGroups, ...refusedGroups].flatMap(({ calls }) => calls).concat(byArgument);
  const names = new Set(
    engines.flatMap((engine) => [...engine.names].filter((call) => engine.verdict(call) === 'allow')),
  );
  return [...names]
    .filter((call) => !known.includes(call) && call !== 'keyctl')
    .toSorted()
    .map((call) => `\`${call}\``);
}
