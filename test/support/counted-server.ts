import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { readPrometheusText, type Samples } from './prometheus-text.js';

/** The server as it stands in src, on stdio, with its metrics on a port of the loopback. Disposing ends it as a client does: its stdin ends. */
export class CountedServer implements AsyncDisposable {
  /** Of its metrics. */
  readonly url: string;
  readonly #client: Client;

  private constructor(client: Client, url: string) {
    this.#client = client;
    this.url = url;
  }

  /** `home` has all that it keeps, but for its audit log. */
  static async start(home: string, auditLog: string): Promise<CountedServer> {
    const main = ['--import', import.meta.resolve('tsx'), resolve('src/cli/main.ts')];
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [...main, 'serve', '--metrics', '127.0.0.1:0'],
      env: { PATH: '/usr/bin:/bin', HOME: home, XDG_RUNTIME_DIR: home, MCP_AUDIT_LOG: auditLog },
      cwd: home,
      stderr: 'pipe',
    });
    const client = new Client({ name: 'paddock-test', version: '1.0.0' });
    const [url] = await Promise.all([placeIn(transport.stderr as Readable), client.connect(transport)]);
    return new CountedServer(client, url);
  }

  /** The code of the error that a call ends with. */
  async refusalOf(tool: string): Promise<string | undefined> {
    const { _meta } = await this.#client.callTool({ name: tool, arguments: {} });
    return (_meta?.['dev.paddock/error'] as { readonly code?: string } | undefined)?.code;
  }

  async samples(): Promise<Samples> {
    return readPrometheusText(await (await fetch(this.url)).text());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client.close();
  }
}

/** Where metrics can be read, which the log says; it is read to its end, or it would wait for a reader. */
async function placeIn(log: Readable): Promise<string> {
  const lines = createInterface(log);
  let said = '';
  return await new Promise<string>((found, failed) => {
    lines.on('line', (line) => {
      if (said.length < 64 * 1024) said += `${line}\n`;
      const at = /"at":"(http:[^"]+)"/.exec(line)?.[1];
      if (at !== undefined) found(at);
    });
    lines.on('close', () => failed(new Error(`the server did not say where its metrics are: ${said}`)));
  });
}
