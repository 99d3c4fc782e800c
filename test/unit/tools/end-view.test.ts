import { expect, it } from 'vitest';
import { firstFailureNext } from '../../../src/tools/end-view.js';

type Of = Parameters<typeof firstFailureNext>[0];

function session(network: string, exitCodes: readonly (number | undefined)[]): Of {
  const commands = exitCodes.map((exitCode, at) => ({
    id: `c${at}`,
    ...(exitCode === undefined ? {} : { outcome: { result: { exitCode } } }),
  }));
  return { record: { spec: { network } }, commands } as unknown as Of;
}

/** For which commands of a session there is something to say. */
function told(network: string, exitCodes: readonly (number | undefined)[]): readonly string[] {
  const of = session(network, exitCodes);
  return of.commands.filter((one) => firstFailureNext(of, one).next !== undefined).map(({ id }) => id);
}

it('says of the first command that failed, and of no other, that there is no network', () => {
  expect(told('none', [0, undefined, 1, 0, 2])).toEqual(['c2']);
  expect(told('none', [0, undefined])).toEqual([]);
  expect(told('allowlist', [1])).toEqual([]);
  const of = session('none', [1]);
  expect(of.commands.map((one) => firstFailureNext(of, one).next)).toEqual([expect.stringMatching(/none.*allow/)]);
});
