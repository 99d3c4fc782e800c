import { lstatSync } from 'node:fs';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../src/session/session.js';
import type { Review } from '../../src/workspace/changes/change.js';
import { changesOf } from '../../src/workspace/changes/changes-of.js';
import { fingerprintOf } from '../../src/workspace/changes/fingerprint.js';
import { engineKinds } from './support/engines.js';
import { builtInit, run, Stage, said } from './support/stage.js';

/** Each change as one line. */
const linesOf = ({ changes }: Review) =>
  changes.map(({ kind, path, from, refused }) =>
    [kind, path, from, refused].filter((part) => part !== undefined).join(' '),
  );

describe.each(engineKinds)('the changes of a session, on a real rootless %s', (kind) => {
  let stage: Stage;
  let project: string;
  const sessions: Session[] = [];

  beforeAll(async () => {
    stage = await Stage.open(kind);
    project = await stage.project();
    await mkdir(join(project, 'src/deep/deeper'), { recursive: true });
    for (const name of ['edited', 'appended', 'removed', 'moved', 'touched', 'program', 'src/one', 'src/deep/two']) {
      await writeFile(join(project, name), `${name}\n`);
    }
    await writeFile(join(project, 'src/deep/deeper/three'), 'three\n');
    await mkdir(join(project, 'tree/of/files'), { recursive: true });
    await writeFile(join(project, 'tree/of/files/leaf'), 'leaf\n');
    await mkdir(join(project, 'closed'));
    await symlink('edited', join(project, 'link'));
    // As what a command makes anew will have, whatever the umask is here.
    for (const folder of ['.', 'src/deep', 'src/deep/deeper']) await chmod(join(project, folder), 0o755);
  });
  afterAll(() => stage[Symbol.asyncDispose]());

  async function sessionWith(script: string): Promise<() => Promise<Review>> {
    const session = await stage.create({ projectPath: project, workspace: 'cow', disk: '100g', keepChanges: false });
    sessions.push(session);
    await said(session, script);
    const folder = stage.store.layerFolder(session.id);
    const { dev, ino } = lstatSync(project, { bigint: true });
    const identity = { source: project, dev: String(dev), ino: String(ino) };
    const layer = { folder, upper: join(folder, 'upper'), project: identity, sinceNs: 0n };
    return () => changesOf(layer, { program: builtInit, signal: new AbortController().signal });
  }

  it('are all that was done to its files, and nothing else, by the marks of this kernel', async () => {
    const review = await sessionWith(`
      echo other >edited; echo more >>appended; rm removed; mv moved src/renamed; touch touched; chmod +x program
      rm -r src/deep; mkdir -p src/deep/deeper; echo four >src/deep/deeper/four
      rm -r tree; echo file >tree; ln -sf appended link; ln -s ../edited src/link; chmod 700 closed
      mkdir -p node_modules/.bin node_modules/left; echo 1 >node_modules/left/index.js
      ln -s ../left/index.js node_modules/.bin/left; echo x >hello.txt.new; mv hello.txt.new hello.txt
      mkdir brief; echo y >brief/file; rm -r brief`);
    const first = await review();
    expect(linesOf(first)).toEqual([
      ...['modified appended', 'mode closed', 'modified edited', 'modified hello.txt', 'modified link'],
      ...['added node_modules', 'added node_modules/.bin', 'added node_modules/.bin/left'],
      ...['added node_modules/left', 'added node_modules/left/index.js', 'mode program', 'deleted removed'],
      ...['added src/deep/deeper/four', 'deleted src/deep/deeper/three', 'deleted src/deep/two'],
      ...['added src/link', 'renamed src/renamed moved', 'modified tree', 'deleted tree/of', 'deleted tree/of/files'],
      'deleted tree/of/files/leaf',
    ]);
    expect(first).toMatchObject({ isComplete: true, cutBecause: [] });
    expect(await fingerprintOf(await review())).toBe(await fingerprintOf(first));
    await said(sessions.at(-1) as Session, 'echo again >>edited');
    expect(await fingerprintOf(await review())).not.toBe(await fingerprintOf(first));
  });

  it('are told apart where they are hostile, and what can not be looked at is said', async () => {
    const review = await sessionWith('true');
    // `said` expects silence, which a shell that hits the end of paths does not keep.
    const { exitCode } = await run(
      sessions.at(-1) as Session,
      `mkfifo pipe; ln -s /etc out; ln -s ../.. up; touch "$(printf 'line\\nbreak')"; printf x >"$(printf 'not\\377text')"
      mkdir shut; echo hidden >shut/file; chmod 0 shut; echo secret >closed/unread; chmod 0 closed/unread
      i=0; while [ $i -lt 1500 ]; do mkdir d && cd d; i=$((i+1)); done; true`,
    );
    expect(exitCode).toBe(0);
    const found = await review();
    expect(found).toMatchObject({ isComplete: false, cutBecause: ['depth', 'unreadable'] });
    const shown = linesOf(found).filter((line) => !/^added d(\/d)*$/.test(line));
    expect(shown).toEqual([
      ...['added closed/unread', 'added line\\u{a}break name', 'added not\\xfftext name', 'added out link-out'],
      ...['added pipe type', 'added shut unreadable', 'added up link-out'],
    ]);
    expect(found.changes.length - shown.length).toBe(128);
  });
});
