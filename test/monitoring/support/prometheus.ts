import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A real Prometheus on a free port of the loopback, with what it keeps in a folder. Disposing ends it. */
export class Prometheus implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #url: string;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.#url = url;
  }

  static async start(folder: string, config: string): Promise<Prometheus> {
    const flags = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
    ];
    const child = spawn('prometheus', flags, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    const url = placeIn(child);
    try {
      return new Prometheus(child, await url);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** What is under `data` of an answer; throws where it says that something is wrong. */
  async ask<T>(path: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
    const url = new URL(`/api/v1/${path}`, this.#url);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const answer = await fetch(url);
    const { status, data, error } = (await answer.json()) as { status: string; data: T; error?: string };
    if (status !== 'success') throw new Error(`${path} ${JSON.stringify(query)}: ${answer.status} ${error ?? ''}`);
    return data;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await ended;
  }
}

/** Where it listens, which its log says; the log is read to its end, or it would wait for a reader. */
async function placeIn(child: ChildProcess): Promise<string> {
  if (child.stderr === null) throw new Error('nobody hears it');
  const lines = createInterface(child.stderr);
  let said = '';
  return await new Promise((found, failed) => {
    child.on('error', failed);
    lines.on('line', (line) => {
      if (said.length < 64 * 1024) said += `${line}\n`;
      const address = /msg="Listening on" address=(127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (address !== undefined) found(`http://${address}`);
    });
    lines.on('close', () => failed(new Error(`Prometheus did not begin to listen: ${said}`)));
  });
}
