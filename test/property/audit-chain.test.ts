import { readFile, rm, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/audit/canonical.js';
import { Chain } from '../../src/audit/chain.js';
import { readTail } from '../../src/audit/file-tail.js';
import { type LogFile, listLogFiles } from '../../src/audit/log-files.js';
import { detailsToJson } from '../../src/audit/redaction.js';
import { verifyAudit } from '../../src/audit/verify.js';
import { systemClock } from '../../src/kit/clock.js';
import { folder, openAt } from '../unit/audit/support/log-fixture.js';

const caller = { uid: 1000, user: 'ada' };
const writer = { pid: 0, startTimeTicks: 1, bootId: '00000000-0000-0000-0000-000000000000', version: '0.1.0' };

/** A log as several writers leave it: each step is one record of one of them, looking at the file `lag` records late. */
function interleave(steps: readonly { readonly who: number; readonly lag: number; readonly n: number }[]): Buffer {
  const chains = new Map<number, Chain>();
  const states: Buffer[] = [Buffer.alloc(0)];
  for (const { who, lag, n } of steps) {
    const isNew = !chains.has(who);
    const chain = chains.get(who) ?? new Chain();
    chains.set(who, chain);
    const seen = states[Math.max(0, states.length - 1 - lag)]!;
    const tail = readTail('log', seen, true, chain.lineSha256);
    const base = { phase: 'event', caller } as const;
    const draft = isNew
      ? { ...base, action: 'log.open', writer }
      : { ...base, action: 'command.output', details: detailsToJson({ n, text: 'secret' }) };
    const sealed = chain.seal(draft, 1_700_000_000_000 + n, tail);
    chain.advance(sealed);
    states.push(Buffer.concat([states.at(-1)!, sealed.bytes]));
  }
  return states.at(-1)!;
}

const stepsArbitrary = fc.array(fc.record({ who: fc.nat(4), lag: fc.nat(3), n: fc.nat(1000) }), { maxLength: 40 });
const verify = (bytes: Buffer) =>
  verifyAudit(
    (async function* () {
      yield await Promise.resolve(bytes);
    })(),
  );

describe('any interleaving of writers', () => {
  it('verifies, however late each of them looked at the file', async () => {
    await fc.assert(
      fc.asyncProperty(stepsArbitrary, async (steps) => {
        const report = await verify(interleave(steps));
        expect(report.firstBad).toBeUndefined();
        expect(report.records).toBe(steps.length);
        expect(report.chainCount).toBe(new Set(steps.map((s) => s.who)).size);
      }),
      { numRuns: 100 },
    );
  });
});

describe('any one change of a log in which each record saw the one before', () => {
  let log: Buffer;
  let lines: string[];
  beforeAll(() => {
    log = interleave(Array.from({ length: 24 }, (_, n) => ({ who: ((n * 7) % 5) % 3, lag: 0, n })));
    lines = log.toString().split('\n').slice(0, -1);
  });
  const rejoin = (list: readonly string[]) => Buffer.from(list.map((line) => `${line}\n`).join(''));
  const rejected = async (bytes: Buffer) => expect((await verify(bytes)).ok).toBe(false);

  it('of a single byte, anywhere, is found on its line', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(log.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = Buffer.from(log);
        changed[at]! ^= flip;
        const report = await verify(changed);
        expect(report.ok).toBe(false);
        expect(report.firstBad!.line).toBe(log.subarray(0, at).toString().split('\n').length);
      }),
      { numRuns: 300 },
    );
  });

  it('that takes out one byte or puts one in, anywhere but at the very end, is found', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(log.length - 2), fc.nat(255), fc.boolean(), async (at, byte, isInsertion) => {
        const before = log.subarray(0, at);
        await rejected(
          Buffer.concat([
            before,
            ...(isInsertion ? [Buffer.from([byte])] : []),
            log.subarray(isInsertion ? at : at + 1),
          ]),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('that takes out a run of lines, but not the last, is found', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(lines.length - 2), fc.integer({ min: 1, max: 10 }), async (at, count) => {
        const list = [...lines];
        list.splice(at, Math.min(count, lines.length - 1 - at));
        await rejected(rejoin(list));
      }),
    );
  });

  it('that swaps or repeats lines is found', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(lines.length - 1), fc.nat(lines.length - 1), async (a, b) => {
        const repeated = [...lines];
        repeated.splice(b, 0, lines[a]!);
        await rejected(rejoin(repeated));
        fc.pre(a !== b);
        const swapped = [...lines];
        [swapped[a], swapped[b]] = [lines[b]!, lines[a]!];
        await rejected(rejoin(swapped));
      }),
    );
  });

  it('that cuts the end off is not, and never leaves more than one torn line', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(log.length), async (size) => {
        const report = await verify(log.subarray(0, size));
        expect(report.ok).toBe(true);
        expect(report.torn.length).toBeLessThanOrEqual(1);
      }),
    );
  });
});

/** Steps of two writers and an occasional third; after some steps the log is looked at by nobody who would begin a file. */
const rotationArbitrary = fc.record({
  steps: fc.array(fc.nat(2), { minLength: 8, maxLength: 40 }),
  fileBytes: fc.integer({ min: 1000, max: 6000 }),
  harm: fc.constantFrom('cut', 'cut-bytes', 'flip', 'remove', 'swap', 'drop-line', 'none'),
  where: fc.nat(1_000_000),
});

describe('a log in several files', () => {
  it('verifies however its writers take turns, and no longer once any file but the end of the last is changed', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(rotationArbitrary, async ({ steps, fileBytes, harm, where }) => {
        await using at = await folder();
        await writeSteps(at.path, steps, fileBytes);
        const files = listLogFiles(at.path);
        expect(await verifyAudit(at.path)).toMatchObject({ ok: true, fileCount: files.length, torn: [] });
        fc.pre(files.length > 1 && harm !== 'none');
        await doHarm(harm, files, where);
        expect((await verifyAudit(at.path)).ok).toBe(false);
      }),
      { numRuns: 40 },
    );
  });
});

async function writeSteps(path: string, steps: readonly number[], fileBytes: number): Promise<void> {
  const logs = await Promise.all([0, 1, 2].map((n) => openAt(path, systemClock, n < 2 ? { fileBytes } : {})));
  for (const who of steps) await logs[who]!.event('command.output', { details: { who } });
  for (const log of logs) await log[Symbol.asyncDispose]();
}

/** To any file but the last, at any place of it. */
async function doHarm(harm: string, files: readonly LogFile[], where: number): Promise<void> {
  const at = where % (files.length - 1);
  const { path } = files[at]!;
  const bytes = await readFile(path);
  const list = bytes.toString().split('\n').slice(0, -1);
  const line = where % list.length;
  if (harm === 'cut')
    await writeFile(
      path,
      list
        .slice(0, line)
        .map((one) => `${one}\n`)
        .join(''),
    );
  if (harm === 'cut-bytes') await writeFile(path, bytes.subarray(0, where % (bytes.length - 1)));
  if (harm === 'drop-line')
    await writeFile(
      path,
      list
        .filter((_, n) => n !== line)
        .map((one) => `${one}\n`)
        .join(''),
    );
  if (harm === 'remove') await rm(path);
  if (harm === 'swap') {
    await writeFile(path, await readFile(files[at + 1]!.path));
    await writeFile(files[at + 1]!.path, bytes);
  }
  if (harm !== 'flip') return;
  bytes[where % bytes.length]! ^= 1;
  await writeFile(path, bytes);
}

describe('canonical JSON', () => {
  it('is one text per value and reads back as the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
