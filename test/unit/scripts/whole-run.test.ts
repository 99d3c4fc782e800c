import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const module = join(import.meta.dirname, '../../../scripts/lab/whole-run.js');
/** Says who it is, and does not go by itself. */
const stays = (name: string, before = '') =>
  `${before} require('fs').writeFileSync(${JSON.stringify(name)}, String(process.pid)); setInterval(() => {}, 1000)`;
const stubborn = "process.on('SIGTERM', () => {});";

let folder: string;
let started: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-run-'));
});
afterEach(() => {
  started?.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

function start(work: string, { limitMs = 60_000, patienceMs = 60_000 } = {}): ChildProcess {
  const script = `import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { wholeRun } from ${JSON.stringify(module)};
const up = async (...names) => { while (!names.every((name) => existsSync(name))) await sleep(10); };
await wholeRun(${limitMs}, async (run) => {
  writeFileSync('room', '');
  run.atEnd(() => rmSync('room'));
  const node = (...words) => run.spawn(process.execPath, ['-e', ...words], { stdio: 'ignore' });
  ${work}
}, ${patienceMs});`;
  writeFileSync(join(folder, 'script.mjs'), script);
  started = spawn(process.execPath, ['script.mjs'], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  return started;
}

const pidIn = (name: string) => Number(readFileSync(join(folder, name), 'utf8'));
const there = (name: string) => existsSync(join(folder, name));
const hasGone = (name: string) => !existsSync(`/proc/${pidIn(name)}`);

describe('what a script has started', () => {
  const two = `node(${JSON.stringify(stays('one'))}); node(${JSON.stringify(stays('two'))}); await up('one', 'two');`;

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)('ends with it on %s, its folders with it, and nothing more begins', async (signal, status) => {
    const later = `while (existsSync('one')) await sleep(10).then(() => { try { process.kill(first.pid, 0) } catch { node(${JSON.stringify(stays('late'))}) } });`;
    const child = start(
      `const first = node(${JSON.stringify(stays('one'))}); node(${JSON.stringify(stays('two', stubborn))}); await up('one', 'two'); writeFileSync('ready', ''); ${later}`,
      { patienceMs: 500 },
    );
    const exit = once(child, 'exit');
    await expect.poll(() => there('ready')).toBe(true);
    child.kill(signal);
    expect(await exit).toEqual([status, null]);
    expect([hasGone('one'), hasGone('two'), there('late'), there('room')]).toEqual([true, true, false, false]);
  });

  it('ends with it where it takes too long, which is said', async () => {
    const at = "writeFileSync('one', String(node('setInterval(() => {}, 1000)').pid));";
    const child = start(`${at} await new Promise(() => {});`, { limitMs: 500 });
    const [words, [status]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
    expect([status, words]).toEqual([124, 'not done after 0.5 s\n']);
    expect([hasGone('one'), there('room')]).toEqual([true, false]);
  });

  it('ends with it where it fails', async () => {
    const child = start(`${two} throw new Error('not as it should be');`);
    const [words, [status]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
    expect([status, words]).toEqual([1, expect.stringContaining('not as it should be')]);
    expect([hasGone('one'), hasGone('two'), there('room')]).toEqual([true, true, false]);
  });

  it('ends with it when it is done, with the status that it gives', async () => {
    expect(await once(start(`${two} return 7;`), 'exit')).toEqual([7, null]);
    expect([hasGone('one'), hasGone('two'), there('room')]).toEqual([true, true, false]);
    expect(await once(start(''), 'exit')).toEqual([0, null]);
  });
});
