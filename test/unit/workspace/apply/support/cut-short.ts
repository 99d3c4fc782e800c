import { createHash } from 'node:crypto';
import { lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seen } from '../../../../../src/workspace/apply/seen.js';
import type { Ground } from './ground.js';

/** What new content is called until it is given its place. */
export const temp = `.paddock-${'a'.repeat(26)}.tmp`;

/** Leaves an apply that was committed to and of which nothing more was done: `a` is to be what the session has there; `gone` is to go. */
export function cutShort(ground: Ground): void {
  const inProject = (name: string) => join(ground.project, name);
  const seenAt = (name: string) => seen(lstatSync(inProject(name), { bigint: true }));
  writeFileSync(inProject(temp), 'new');
  const { dev, ino, mtimeNs } = seenAt(temp);
  const { project } = ground.layer;
  const steps = [
    { do: 'put', of: 0, path: 'a', expect: seenAt('a'), temp, at: '', mode: 0o644 },
    { do: 'remove', of: 1, path: 'gone', expect: seenAt('gone'), temp: `.paddock-${'b'.repeat(26)}.tmp` },
    {
      do: 'remove',
      of: 2,
      path: 'other',
      expect: { ...seenAt('gone'), ino: '1' },
      temp: `.paddock-${'c'.repeat(26)}.tmp`,
    },
  ];
  const sha256 = createHash('sha256').update('new').digest('hex');
  const lines = [
    { line: 'begin', v: 1, dev: project.dev, ino: project.ino, steps: steps.length },
    ...steps.map((step) => ({ line: 'step', step })),
    { line: 'staged', step: 0, dev, ino, mtimeNs, sha256, sizeBytes: 3 },
    { line: 'commit' },
  ];
  writeFileSync(join(ground.layer.folder, 'apply.journal'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}
