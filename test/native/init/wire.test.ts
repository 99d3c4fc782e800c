import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { builtSupport } from './support/compiled.js';

describe('the parser of process 1', () => {
  it('reads not a byte too far, whatever it is given, under the sanitizers', { timeout: 60_000 }, () => {
    const flags = ['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all', 'src/init/wire.c'];
    const run = spawnSync(builtSupport('test/native/init/support/wire.c', flags), { encoding: 'utf8' });
    expect(run).toMatchObject({ status: 0, stderr: '' });
  });
});
