import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { openLog } from '../../../src/cli/server-log.js';
import { PolicyDenied } from '../../../src/core/errors.js';
import { listSessions } from '../../../src/tools/list-sessions.js';
import type { ToolServices } from '../../../src/tools/services.js';

const mib = 1024 ** 2;
const context = { signal: new AbortController().signal, progress: () => undefined };

/** The lines of a log to which that was written. */
function logged(err: unknown): { readonly err: Record<string, unknown>; readonly bytes: number } {
  const lines: string[] = [];
  const into = new Writable({
    write(piece: Buffer, _encoding, done) {
      lines.push(piece.toString());
      done();
    },
  });
  openLog('info', into).info({ err, tool: 'x' }, 'a call failed');
  const [line = ''] = lines;
  return { ...(JSON.parse(line) as { err: Record<string, unknown> }), bytes: Buffer.byteLength(line) };
}

async function thrownBy(args: Readonly<Record<string, unknown>>): Promise<unknown> {
  return await Promise.resolve()
    .then(() => listSessions.call({} as ToolServices, args, context))
    .catch((error: unknown) => error);
}

it.each([
  ['a name of a mebibyte', { ['k'.repeat(mib)]: 0 }],
  ['many names', Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`name-${at}`, 0]))],
])('the log has a line of arguments of which %s was wrong, and not all of these', async (_what, args) => {
  const { err, bytes } = logged(await thrownBy(args));
  expect(err).toMatchObject({ type: 'ZodError', message: expect.stringMatching(/^arguments: Unrecognized/) as string });
  expect(Object.keys(err).sort()).toEqual(['message', 'stack', 'type']);
  expect(bytes).toBeLessThan(6000);
});

it('the log has of an error its code, its rule, its causes and where it was thrown, each of them cut', () => {
  const root = Object.assign(new Error('no room'), { code: 'ENOSPC', path: 'x'.repeat(mib) });
  const middle = new Error(`\u001b${'y'.repeat(mib)}`, { cause: root });
  const thrown = new PolicyDenied('mount.place', 'not there', { cause: middle });
  const { err, bytes } = logged(thrown);
  expect(err).toMatchObject({ type: 'PolicyDenied', code: 'POLICY_DENIED', rule: 'mount.place', message: 'not there' });
  expect(err['stack']).toMatch(/^ {4}at .*server-log\.test/);
  expect(err['cause']).toMatchObject({
    message: expect.stringMatching(/^\\u\{1b\}y+…$/) as string,
    stack: expect.stringMatching(/^ {4}at /) as string,
    cause: { code: 'ENOSPC', message: 'no room' },
  });
  expect(bytes).toBeLessThan(16_000);
});

it('the log ends with causes that go on for ever, and takes what is no error', () => {
  const first = new Error('first');
  first.cause = new Error('second', { cause: first });
  expect(logged(first).bytes).toBeLessThan(24_000);
  expect(logged('a text'.repeat(mib)).bytes).toBeLessThan(1000);
  expect(logged({ a: 'x'.repeat(mib) }).err).toEqual({ type: 'object', message: '' });
});
