import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineKinds } from '../engine/support/engines.js';
import { McpClient } from './support/client.js';
import { Place } from './support/place.js';

const run = promisify(execFile);
/** A package whose tarball carries its tests, and the runner they are written for. */
const packageName = 'minimist';
const version = '1.2.8';
const runner = 'tape@5.9.0';
const runTests = ['node', 'node_modules/.bin/tape', 'test/*.js'] as const;

/** What a run of the tests counted, from the summary of its TAP output. */
function counts(tap: string): { tests: number; passed: number; failed: number } {
  const number = (word: string) => Number(new RegExp(`^# ${word} +(\\d+)$`, 'm').exec(tap)?.[1] ?? 0);
  return { tests: number('tests'), passed: number('pass'), failed: number('fail') };
}

async function fetchProject(place: Place): Promise<string> {
  const npm = (args: string[], cwd: string) =>
    run('npm', args, { cwd, env: { ...process.env, npm_config_update_notifier: 'false' } });
  await npm(['pack', '--silent', `${packageName}@${version}`], place.root);
  await run('tar', ['-xzf', `${packageName}-${version}.tgz`], { cwd: place.root });
  const folder = join(place.root, packageName);
  await rename(join(place.root, 'package'), folder);
  // Installed elsewhere: here npm would fetch everything else that the package is developed with.
  const tool = join(place.root, 'tool');
  await mkdir(tool);
  await npm(['install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', tool, runner], tool);
  await rename(join(tool, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

describe("the test suite of somebody else's project", () => {
  let place: Place;
  let folder: string;
  let outside: ReturnType<typeof counts>;

  beforeAll(async () => {
    place = await Place.make();
    folder = await fetchProject(place);
    const [program, ...args] = runTests;
    outside = counts((await run(program, args, { cwd: folder })).stdout);
  });

  afterAll(async () => {
    await place[Symbol.asyncDispose]();
  });

  it('has at least a hundred tests, all of which pass outside', () => {
    expect(outside.tests).toBeGreaterThanOrEqual(100);
    expect(outside).toMatchObject({ passed: outside.tests, failed: 0 });
  });

  it.each(engineKinds)(
    'has the same counts in a sandbox on %s, and one broken on purpose fails there',
    async (kind) => {
      await using own = await Place.make(kind);
      await using mcp = await McpClient.start(own);
      const sessionId = await mcp.create({ projectPath: folder, workspace: 'rw' });
      const test = async () => {
        const answer = await mcp.call('execute_command', { sessionId, argv: [...runTests] });
        expect(answer.isError).toBe(false);
        const log = await everything(mcp, sessionId, answer.structured['commandId'] as string);
        return { exitCode: answer.structured['exitCode'], ...counts(log) };
      };
      expect(await test()).toEqual({ exitCode: 0, ...outside });
      const file = join(folder, 'test', 'bool.js');
      const intact = await readFile(file, 'utf8');
      try {
        await writeFile(file, `${intact}\ntest('broken on purpose', function (t) { t.equal(1, 2); t.end(); });\n`);
        expect(await test()).toEqual({ exitCode: 1, tests: outside.tests + 1, passed: outside.passed, failed: 1 });
      } finally {
        await writeFile(file, intact);
      }
    },
  );
});

/** All that a command printed to stdout, page by page. */
async function everything(mcp: McpClient, sessionId: string, commandId: string): Promise<string> {
  let cursor = '0.0';
  let all = '';
  for (let more = true; more; ) {
    const { structured } = await mcp.call('get_command', { sessionId, commandId, cursor });
    all += structured['stdout'] as string;
    cursor = structured['cursor'] as string;
    more = structured['more'] as boolean;
  }
  return all;
}
