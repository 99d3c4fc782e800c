import { describe, expect, it } from 'vitest';
import { PaddockError } from '../../../src/core/errors.js';
import type { ExecRequest, ExecResult } from '../../../src/core/exec.js';
import type { Engine, EngineKind } from '../../../src/engine/types.js';
import { usable } from '../../../src/sandbox/create-mounts.js';
import { proveAccess } from '../../../src/sandbox/prove-access.js';
import type { Sandbox } from '../../../src/sandbox/sandbox.js';

const bind = (target: string, readOnly: boolean) => ({
  ...{ source: `/home/ann${target}`, dev: '1', ino: '2', kind: 'folder' as const },
  ...{ target, readOnly },
});
const binds = [bind('/workspace', false), bind('/notes', true)];

/** A sandbox whose probe prints that text; keeps what it was asked to run. */
function printing(text: string) {
  const asked: ExecRequest[] = [];
  const stream = (kept: string) => ({ text: kept, totalBytes: kept.length, droppedBytes: 0 });
  const result: ExecResult = {
    ...{ exitCode: 0, reason: 'exited', usage: { durationMs: 1 }, strays: 0 },
    ...{ stdout: stream(text), stderr: stream('') },
  };
  const start = (_id: string, request: ExecRequest) => {
    asked.push(request);
    return Promise.resolve({ result: Promise.resolve(result) });
  };
  return { sandbox: { start } as unknown as Pick<Sandbox, 'start'>, asked };
}

const refusalOf = async (text: string): Promise<PaddockError> => {
  const error: unknown = await proveAccess(printing(text).sandbox, binds).catch((thrown: unknown) => thrown);
  if (!(error instanceof PaddockError)) throw new Error('it was not refused');
  return error;
};

describe('the proof of access', () => {
  it('asks our own init, from a folder that every sandbox has, and accepts what was asked for', async () => {
    const { sandbox, asked } = printing('r-\nrw\nr-\n');
    await proveAccess(sandbox, binds);
    expect(asked).toMatchObject([
      { argv: ['/.paddock/init', '--access', '/.paddock/init', '/workspace', '/notes'], cwd: '/' },
    ]);
  });

  it('accepts more than was asked for: the mount is read-only by itself', async () => {
    await expect(proveAccess(printing('r-\nrw\nrw\n').sandbox, binds)).resolves.toBeUndefined();
  });

  it.each([
    ['r-\n--\nr-\n', '/home/ann/workspace'],
    ['r-\nr-\nr-\n', '/home/ann/workspace'],
    ['r-\n-w\nr-\n', '/home/ann/workspace'],
    ['r-\nrw\n--\n', '/home/ann/notes'],
  ])('refuses a label that keeps the sandbox out: %j', async (text, path) => {
    const error = await refusalOf(text);
    expect(error).toMatchObject({ code: 'POLICY_DENIED', info: { ruleId: 'workspace.label', path } });
    expect(error.hint).toContain('chcon');
  });

  it.each(['', 'r-\n', 'r-\nrw\n', '--\nrw\nr-\n'])('refuses a sandbox whose output gets lost: %j', async (text) => {
    const error = await refusalOf(text);
    expect(error).toMatchObject({ code: 'SANDBOX_UNVERIFIED' });
    expect(error.hint).toContain('channel = "fifo"');
    expect(error.hint).toContain('container-selinux');
  });
});

describe('which paths it is asked of', () => {
  const layer = { upper: '/state/upper', work: '/state/work' };
  const shown = [{ ...bind('/workspace', false), layer }, bind('/data', false), bind('/notes', true)];
  const askedOn = async (kind: EngineKind, text: string) => {
    const { sandbox, asked } = printing(text);
    const engine = { identity: { kind } } as Engine;
    await usable(sandbox as Sandbox, engine, shown);
    return asked[0]?.argv.slice(3);
  };

  it('is all but what comes as an overlay with the label of the sandbox', async () => {
    expect(await askedOn('podman', 'r-\nrw\nrw\n')).toEqual(['/workspace', '/data']);
    expect(await askedOn('docker', 'r-\nrw\nrw\nr-\n')).toEqual(['/workspace', '/data', '/notes']);
  });

  it('refuses a copy-on-write project that can’t be written or not even read, as on Docker by its own label', async () => {
    for (const access of ['r-', '--']) {
      await expect(askedOn('docker', `r-\n${access}\nrw\nr-\n`)).rejects.toMatchObject({
        code: 'POLICY_DENIED',
        info: { ruleId: 'workspace.label', path: '/home/ann/workspace' },
      });
    }
  });
});
