// Scripts that ask the built server over HTTP, without an engine: a home of its own, keys in it, and the server.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const main = join(import.meta.dirname, '../../dist/cli/main.js');

/** A home below that of the user, as users have it: folders that others could write to are refused. It goes with the run. */
export function serverHome(run, name) {
  const root = mkdtempSync(join(homedir(), `.paddock-${name}-`));
  run.atEnd(() => rmSync(root, { recursive: true, force: true }));
  const env = {
    ...{ PATH: process.env.PATH, HOME: root, USER: process.env.USER, XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR },
    ...{ PADDOCK_STATE_DIR: join(root, 'state'), PADDOCK_RUNTIME_DIR: join(root, 'run') },
    MCP_AUDIT_LOG: join(root, 'audit.jsonl'),
  };
  return { run, root, env };
}

/** The secret of a new key. */
export function makeKey({ env }, ...args) {
  const made = spawnSync(process.execPath, [main, 'keys', 'create', ...args, '--json'], { env, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr || made.stdout);
  return JSON.parse(made.stdout).secret;
}

/** The server, once it listens, and where it says it does; `end` waits for its orderly end. */
export async function startServer({ run, env }, http, ...more) {
  // No canary: nothing here needs an engine, and one that is started would leave its storage below the home.
  const server = run.spawn(process.execPath, [main, 'serve', '--http', http, '--canary', 'off', ...more], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => server.once('close', resolve));
  const end = async () => {
    server.kill('SIGTERM');
    await ended;
  };
  for await (const line of createInterface({ input: server.stderr })) {
    const said = /https?:\/\/[\w.:[\]]+\/mcp|unix:[^\s"]+/.exec(line)?.[0];
    if (said !== undefined) {
      server.stderr.resume();
      return { url: said, end };
    }
    process.stderr.write(`${line}\n`);
  }
  await end();
  throw new Error('the server ended before it listened');
}
