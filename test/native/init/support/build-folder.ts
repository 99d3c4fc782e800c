import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One folder for what the tests of a run compile: several files need the same program. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-test-build-'));
  process.env['PADDOCK_TEST_BUILD'] = folder;
  return () => rmSync(folder, { recursive: true });
}
