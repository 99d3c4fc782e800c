import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { builtSupport } from './support/compiled.js';

describe('reaping', () => {
  it('comes back from a flood of deaths that has no end, and has what makes it looked for', () => {
    const program = builtSupport(fileURLToPath(new URL('support/reaper.c', import.meta.url)), ['src/init/reaper.c']);
    expect(spawnSync(program, { encoding: 'utf8', timeout: 5000 })).toMatchObject({ status: 0, stderr: '' });
  });
});
