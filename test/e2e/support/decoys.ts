import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import { labels } from '../../../src/core/labels.js';
import type { Engine, EngineKind } from '../../../src/engine/types.js';
import { emptyRootTar, execOptions, openTestEngine, sleeperBody, uniqueName } from '../../engine/support/engines.js';
import { McpClient } from './client.js';
import { Place } from './place.js';

export interface Decoys extends AsyncDisposable {
  /** Containers that are nobody's session. */
  readonly containers: readonly { readonly id: string; readonly name: string }[];
  expectUntouched(): Promise<void>;
}

/** What stands beside: forged labels with a name like ours, somebody's own container with a volume, and a second live server. */
export async function standBeside(kind: EngineKind): Promise<Decoys> {
  const engine = await openTestEngine(kind);
  const image = `localhost/${uniqueName('decoy')}:1`;
  await engine.importImage(image, emptyRootTar());
  const forged = {
    [labels.session]: 'pdk_aaaaaaaaaaaaaaaaaaaaaaaaaa',
    [labels.nonce]: 'a'.repeat(26),
    [labels.owner]: String(process.getuid?.()),
  };
  const names = [`paddock-${uniqueName('x').slice(2)}`, uniqueName('own')] as const;
  const containers = await Promise.all([
    startDecoy(engine, names[0], sleeperBody(kind, image, forged)),
    startDecoy(engine, names[1], { ...sleeperBody(kind, image, {}), ...volumeAt(kind, '/data') }),
  ]);
  const [, own] = containers;
  await inside(engine, own.id, 'echo kept >/data/file');
  const place = await Place.make(kind);
  const mcp = await McpClient.start(place);
  const sessionId = await mcp.create({ workspace: 'none' });
  return {
    containers,
    async expectUntouched() {
      for (const { id, name } of containers) {
        expect(await engine.inspectContainer(id)).toMatchObject({ running: true });
        expect((await engine.listContainers([])).find((one) => one.id === id)?.names).toEqual([name]);
      }
      expect(await inside(engine, own.id, 'cat /data/file')).toBe('kept\n');
      const answer = await mcp.call('execute_command', { sessionId, argv: ['echo', 'alive'] });
      expect(answer.structured['stdout']).toBe('alive\n');
    },
    async [Symbol.asyncDispose]() {
      await mcp[Symbol.asyncDispose]();
      for (const { id } of containers) await engine.removeContainer(id);
      await engine.removeImage(image);
      await engine[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}

async function startDecoy(engine: Engine, name: string, body: Readonly<Record<string, unknown>>) {
  const { id } = await engine.createContainer(name, body);
  await engine.startContainer(id);
  return { id, name };
}

/** A volume without a name: it goes with its container, and with nothing else. */
function volumeAt(kind: EngineKind, path: string): Readonly<Record<string, unknown>> {
  return kind === 'docker' ? { Volumes: { [path]: {} } } : { volumes: [{ Name: '', Dest: path }] };
}

/** What a shell line in that container prints. */
async function inside(engine: Engine, id: string, line: string): Promise<string> {
  const exec = await engine.createExec(id, execOptions(['/usr/bin/sh', '-c', line]));
  await using streams = await engine.startExec(exec, { tty: false });
  streams.stderr.resume();
  return await text(streams.stdout);
}
