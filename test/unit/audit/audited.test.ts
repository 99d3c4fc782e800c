import { chmod } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { audited } from '../../../src/audit/audited.js';
import { PolicyDenied, SandboxError } from '../../../src/core/errors.js';
import { folder, openAt, records } from './support/log-fixture.js';

describe('an audited action', () => {
  it('runs between its intent, which is in the log by then, and its outcome', async () => {
    await using at = await folder();
    await using log = await openAt(at.path);
    const seen = await audited(log, {
      action: 'command.run',
      run: async () => (await records(at.path)).map((r) => r.phase),
      describe: (phases) => ({ seen: phases.length }),
    });
    expect(seen).toEqual(['event', 'intent']);
    expect((await records(at.path)).at(-1)).toMatchObject({ phase: 'outcome', result: 'ok', details: { seen: 2 } });
  });

  it.each([
    [new SandboxError('SANDBOX_UNVERIFIED', 'x'), { result: 'SANDBOX_UNVERIFIED' }],
    [new PolicyDenied('mount.path', 'no'), { result: 'POLICY_DENIED', verdict: 'deny', rule: 'mount.path' }],
    [new DOMException('stop', 'AbortError'), { result: 'INTERRUPTED' }],
    [new TypeError('bug with a secret'), { result: 'INTERNAL' }],
  ])('that fails leaves the code of its error, and the error passes through: %s', async (error, outcome) => {
    await using at = await folder();
    await using log = await openAt(at.path);
    const run = () => Promise.reject(error);
    await expect(audited(log, { action: 'command.run', run })).rejects.toBe(error);
    expect((await records(at.path)).at(-1)).toMatchObject({ phase: 'outcome', ...outcome });
  });

  it('does not run when its intent cannot be written', async () => {
    await using at = await folder();
    await using log = await openAt(at.path);
    await chmod(at.path, 0o644);
    let hasRun = false;
    const run = async () => {
      hasRun = await Promise.resolve(true);
    };
    await expect(audited(log, { action: 'command.run', run })).rejects.toMatchObject({
      code: 'AUDIT_UNWRITABLE',
      info: {},
    });
    expect(hasRun).toBe(false);
  });

  it('whose outcome cannot be written is taken back, and the caller is told that it happened', async () => {
    await using at = await folder();
    await using log = await openAt(at.path);
    const undone: string[] = [];
    const run = () => chmod(at.path, 0o644).then(() => 'made');
    const undo = async (value: string) => void undone.push(await Promise.resolve(value));
    await expect(audited(log, { action: 'session.create', run, undo })).rejects.toMatchObject({
      code: 'AUDIT_UNWRITABLE',
      info: { actionResult: 'ok' },
    });
    expect(undone).toEqual(['made']);
    await chmod(at.path, 0o600);
    expect((await records(at.path)).at(-1)!.phase).toBe('intent');
  });

  it('that fails as well as its outcome gives both errors, and so does one that cannot be taken back', async () => {
    await using at = await folder();
    await using log = await openAt(at.path);
    const error = new SandboxError('SANDBOX_UNVERIFIED', 'x');
    const run = () => chmod(at.path, 0o644).then(() => Promise.reject(error));
    await expect(audited(log, { action: 'command.run', run })).rejects.toMatchObject({
      info: { actionResult: 'SANDBOX_UNVERIFIED' },
      cause: error,
    });
    await chmod(at.path, 0o600);
    const undo = () => Promise.reject(error);
    const made = audited(log, { action: 'command.run', run: () => chmod(at.path, 0o644), undo });
    await expect(made).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE', info: { actionResult: 'ok' }, cause: error });
  });
});
