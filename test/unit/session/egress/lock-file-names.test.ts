import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { refusalLine } from '../../../../src/core/egress-text.js';
import { LockFileNames } from '../../../../src/session/egress/lock-file-names.js';
import { lockFileNotes } from '../../../../src/tools/session-notes.js';

async function inProject(act: (project: string) => Promise<void>): Promise<void> {
  const project = await mkdtemp(join(tmpdir(), 'paddock-named-'));
  try {
    await writeFile(join(project, 'requirements.txt'), '-i https://index.example:8443/simple\n');
    await act(project);
  } finally {
    await rm(project, { recursive: true });
  }
}

describe('a refused place', () => {
  it('is known as one that lock files name, by host and port', () =>
    inProject(async (project) => {
      await using names = new LockFileNames(project);
      await names.read;
      expect(names.filesFor({ host: 'index.example', port: 8443 })).toBe('requirements.txt');
      expect(names.filesFor({ host: 'index.example', port: 443 })).toBeUndefined();
      const refusal = { host: 'index.example', port: 8443, ruleId: 'egress.host', hint: 'Allow it.', count: 1 };
      expect(refusalLine({ ...refusal, namedIn: 'requirements.txt' })).toBe(
        "blocked: index.example:8443 [rule egress.host]. Allow it. The project's requirements.txt names it.",
      );
    }));

  it('is not known as anything where the project can not be read', async () => {
    await using names = new LockFileNames('/nonexistent/project');
    await names.read;
    expect(names.filesFor({ host: 'index.example', port: 443 })).toBeUndefined();
  });
});

describe('the note of a new session', () => {
  const noted = (project: string, allow?: readonly string[]) => {
    const mounts = [{ purpose: 'workspace', hostPath: project }];
    const spec = { mounts, ...(allow === undefined ? {} : { egress: { allow } }) };
    const session = { record: { spec } } as unknown as Parameters<typeof lockFileNotes>[0];
    return lockFileNotes(session, new AbortController().signal);
  };

  it('names what lock files name and the session does not reach', () =>
    inProject(async (project) => {
      expect(await noted(project)).toEqual([
        expect.stringContaining('requirements.txt may need it: preset:pip, https://index.example:8443. If you trust'),
      ]);
      expect(await noted(project, [])).toEqual([expect.stringContaining('need it: https://index.example:8443. If')]);
      expect(await noted(project, ['*.example.org', 'https://index.example:8443'])).toEqual([]);
      expect(await noted('/nonexistent/project')).toEqual([]);
    }));
});
