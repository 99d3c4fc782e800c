import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { mainScript } from '../../e2e/support/place.js';
import { userRuntime } from './user-manager.js';

/** Programs that a document takes for granted, where it is typed from: Paddock as npm installs it, and `sudo`. */
export class Desk {
  readonly bin: string;
  readonly #root: string;

  /** `root`: an empty folder. */
  constructor(root: string) {
    this.#root = root;
    this.bin = join(root, 'bin');
    mkdirSync(this.bin);
    const modules = join(root, 'node_modules');
    mkdirSync(modules);
    spawnSync('ln', ['-s', process.cwd(), join(modules, 'paddock')]);
    this.#program('paddock', `exec ${process.execPath} ${mainScript} "$@"`);
    this.#program('npm', `[ "$*" = "root --global" ] && echo ${modules}`);
    this.#program('sudo', `echo "$*" >>${root}/asked-of-root`);
  }

  /** What root was asked to do, each once. */
  get askedOfRoot(): readonly string[] {
    return [...new Set(readFileSync(join(this.#root, 'asked-of-root'), 'utf8').trim().split('\n'))];
  }

  /**
   * Types the commands of the block of that document in which `mark` stands, one after the other, and expects each of them to succeed. `changed`: words
   * that stand for something of the reader's.
   */
  typeBlock(document: string, mark: string, changed: Readonly<Record<string, string>> = {}): string {
    const block = blockWith(document, mark);
    return this.type(Object.entries(changed).reduce((text, [from, to]) => text.replaceAll(from, to), block));
  }

  /** A command that stands in the text of a document. */
  typeFrom(document: string, command: string): string {
    expect(readFileSync(document, 'utf8')).toContain(`\`${command}\``);
    return this.type(command);
  }

  type(commands: string): string {
    const { status, stdout, stderr } = this.#shell(commands);
    expect([status, stderr.match(/^!! .*$/gm), stderr]).toEqual([0, null, expect.any(String)]);
    return stdout;
  }

  #shell(commands: string): SpawnSyncReturns<string> {
    const script = join(this.#root, 'typed');
    writeFileSync(script, `trap 'echo "!! $? $BASH_COMMAND" >&2' ERR\n${commands}\n`);
    const env = {
      ...{ PATH: `${this.bin}:/usr/local/bin:/usr/bin:/bin`, HOME: homedir(), XDG_RUNTIME_DIR: userRuntime },
      ...{ USER: 'lab', SYSTEMD_PAGER: '', LANG: 'C.UTF-8' },
    };
    return spawnSync('bash', [script], { encoding: 'utf8', cwd: homedir(), env });
  }

  #program(name: string, line: string): void {
    writeFileSync(join(this.bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  }
}

/** Of a console what is typed. */
function blockWith(document: string, mark: string): string {
  const text = readFileSync(document, 'utf8');
  const blocks = [...text.matchAll(/^```(sh|console)\n([\s\S]*?)^```$/gm)].filter(([, , block]) =>
    block?.includes(mark),
  );
  expect([document, mark, blocks.length]).toEqual([document, mark, 1]);
  const [[, kind, block = ''] = []] = blocks;
  return kind === 'sh' ? block : block.replace(/^(?!\$ ).*\n/gm, '').replace(/^\$ /gm, '');
}
