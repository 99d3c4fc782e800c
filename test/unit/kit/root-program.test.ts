import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { rootProgram } from '../../../src/kit/root-program.js';

it('takes a program only where nobody but its owner could have put it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paddock-program-'));
  try {
    const uid = process.getuid?.() ?? 0;
    const path = join(folder, 'program');
    await writeFile(path, '#!/bin/sh\n', { mode: 0o755 });
    expect(await rootProgram([join(folder, 'none'), folder, path], uid)).toBe(path);
    expect(await rootProgram([path], uid + 1)).toBeUndefined();
    await chmod(path, 0o775);
    expect(await rootProgram([path], uid)).toBeUndefined();
    await chmod(path, 0o644);
    expect(await rootProgram([path], uid)).toBeUndefined();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
