import { execFile, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Answer, SeenRequest } from './fake-provider.js';

const run = promisify(execFile);

/** Answers of a git host that has one repository with one commit, by git's own `http-backend`. Asks for `authorization` if given. */
export async function gitBackend(
  folder: string,
  name: string,
  authorization?: string,
): Promise<{ readonly answer: Answer; readonly repository: string }> {
  const root = join(folder, 'host');
  const repository = join(root, `${name}.git`);
  const env = { PATH: process.env['PATH'], HOME: folder, GIT_CONFIG_NOSYSTEM: '1' };
  const git = (...args: string[]) => run('git', args, { env });
  await git('init', '-q', '--bare', '-b', 'main', repository);
  await git('-C', repository, 'config', 'http.receivepack', 'true');
  const work = join(folder, 'work');
  await git('init', '-q', '-b', 'main', work);
  await writeFile(join(work, 'file'), 'from outside\n');
  await git('-C', work, 'add', '.');
  await git('-C', work, '-c', 'user.name=a', '-c', 'user.email=a@b.test', 'commit', '-qm', 'first');
  await git('-C', work, 'push', '-q', repository, 'main');
  return {
    repository,
    answer: async (request, response) => {
      if (authorization !== undefined && request.headers.authorization !== authorization) {
        response.writeHead(401).end();
        return;
      }
      await cgi(root, request, response);
    },
  };
}

async function cgi(root: string, request: SeenRequest, response: ServerResponse): Promise<void> {
  const url = new URL(request.url, 'http://host.test');
  const path = url.pathname.replace(/^(\/team\/tool)(?=\/)/, '$1.git');
  const child = spawn('git', ['http-backend'], {
    env: {
      ...{ PATH: process.env['PATH'], GIT_PROJECT_ROOT: root, GIT_HTTP_EXPORT_ALL: '1', REMOTE_USER: 'a' },
      ...{ PATH_INFO: path, QUERY_STRING: url.search.slice(1), REQUEST_METHOD: request.method },
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: String(request.body.length),
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(request.body);
  const parts: Buffer[] = [];
  for await (const part of child.stdout as AsyncIterable<Buffer>) parts.push(part);
  const output = Buffer.concat(parts);
  const end = output.indexOf('\r\n\r\n');
  const headers = output.subarray(0, end).toString().split('\r\n');
  const status = headers.find((line) => /^status:/i.test(line));
  for (const line of headers.filter((one) => one !== status)) {
    response.setHeader(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim());
  }
  response.writeHead(Number(status?.replace(/^status:\s*/i, '').slice(0, 3) ?? 200));
  response.end(output.subarray(end + 4));
}
