import type { Log, Result } from 'sarif';
import type { Check, CheckStatus } from './report.js';

/** SARIF (OASIS, 2.1.0 §3.27.9, §3.27.10): only what fails has a level; what could not be looked at is `open`. */
const outcomes: Readonly<Record<CheckStatus, Required<Pick<Result, 'kind' | 'level'>>>> = {
  pass: { kind: 'pass', level: 'none' },
  warn: { kind: 'fail', level: 'warning' },
  fail: { kind: 'fail', level: 'error' },
  unknown: { kind: 'open', level: 'none' },
};

export interface SarifOptions {
  readonly version: string;
  readonly exitCode: number;
  /** What a check is filed under, by its id. */
  readonly tagsOf?: (id: string) => readonly string[];
}

/** What the doctor found as a SARIF 2.1.0 log: a rule for each check, and one result of each. */
export function toSarif(checks: readonly Check[], { version, exitCode, tagsOf = () => [] }: SarifOptions): Log {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'paddock doctor',
            semanticVersion: version,
            rules: checks.map(({ id, title }) => ({
              ...{ id, shortDescription: { text: title } },
              properties: { tags: ['security', ...tagsOf(id)] },
            })),
          },
        },
        invocations: [{ executionSuccessful: true, exitCode }],
        results: checks.map(({ id, status, evidence, remedy }, ruleIndex) => ({
          ...{ ruleId: id, ruleIndex, ...outcomes[status] },
          message: { text: remedy === undefined ? evidence : `${evidence}\nRemedy: ${remedy}` },
          // Of a host, not of a file: viewers want a place all the same.
          locations: [{ logicalLocations: [{ name: 'host', kind: 'resource' }] }],
        })),
      },
    ],
  };
}
