import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { removeFolder } from '../../../src/kit/remove-folder.js';

it('removes a folder into which somebody still writes', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'paddock-remove-'));
  try {
    const folder = join(parent, 'folder');
    mkdirSync(folder);
    for (let i = 0; i < 200; i += 1) writeFileSync(join(folder, `old-${i}`), '');
    const removing = removeFolder(folder);
    for (let i = 0; i < 50 && existsSync(folder); i += 1) {
      writeFileSync(join(folder, `new-${i}`), '');
      await setImmediate();
    }
    await removing;
    expect(existsSync(folder)).toBe(false);
    await removeFolder(folder);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
});
