import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { changesAlone } from '../../../src/workspace/sealed/changes-alone.js';
import { builtInit, builtSupport } from '../init/support/compiled.js';
import { file, Trees } from './support/trees.js';

const programs = { init: builtInit(), mark: builtSupport('test/native/workspace/support/mark.c') };
const { signal } = new AbortController();

it('are not taken for whole for as many pipes as there are files that can not be read', async () => {
  using trees = new Trees(programs).put('project', { same: file('same') });
  const layer = await trees.copied('copy');
  for (const name of ['one', 'two']) execFileSync('mkfifo', [join(layer.upper, name)]);
  writeFileSync(join(layer.upper, 'work'), 'work');
  {
    await using alone = await changesAlone(layer, { program: programs.init, signal });
    expect(readdirSync(alone.upper).sort()).toEqual(['one', 'two', 'work']);
  }
  // As where one file could not be read, whoever runs this.
  const program = join(trees.top, 'init');
  const oneLess = `"${programs.init}" "$@" | /bin/sed 's/^\\(ok .*\\) 0$/\\1 1/'`;
  const script = `#!/bin/sh\n[ "$1" = --copy-layer ] || exec "${programs.init}" "$@"\n${oneLess}\n`;
  writeFileSync(program, script, { mode: 0o755 });
  await expect(changesAlone(layer, { program, signal })).rejects.toMatchObject({ code: 'SNAPSHOT_FAILED' });
  expect(readdirSync(layer.folder)).not.toContain('flat');
});
