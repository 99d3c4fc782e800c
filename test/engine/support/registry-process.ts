// A registry on the loopback that can only be read: answers what the file named by its argument says, and tells its port.
// A process of its own, since rootless Docker pulls from inside a network namespace that it has made for itself.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { RegistryAnswer } from './image-archive.js';

const [, , file = ''] = process.argv;
const answers = new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, RegistryAnswer>));
const server = createServer((request, response) => {
  const answer = answers.get(request.url ?? '');
  if (answer === undefined) {
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end('{"errors":[{"code":"NAME_UNKNOWN"}]}');
    return;
  }
  const body = Buffer.from(answer.base64, 'base64');
  const digest = createHash('sha256').update(body).digest('hex');
  response.writeHead(200, {
    'content-type': answer.type,
    'content-length': body.length,
    'docker-content-digest': `sha256:${digest}`,
    'docker-distribution-api-version': 'registry/2.0',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${JSON.stringify(server.address())}\n`);
});
// Ends with whoever started it.
process.stdin.resume().on('end', () => process.exit());
