import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Journal } from '../../../../src/workspace/apply/journal.js';

it('a journal begins with as many steps as an apply may have', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-journal-'));
  try {
    // Two for each change, and one for each folder that changes lie in.
    const line = { line: 'left', of: 1 } as const;
    const journal = await Journal.begin(folder, Array(300_000).fill(line));
    await journal.write({ line: 'commit' });
    await journal.close();
    expect(readFileSync(join(folder, 'apply.journal'), 'utf8').split('\n')).toHaveLength(300_002);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
