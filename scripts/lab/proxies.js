// nginx and HAProxy with the settings that docs/operations.md has: only paths, the port and the upstream are others.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const document = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
export const name = 'mcp.example.org';

/** What stands in the document once, in the place of what a test can have. */
function replaced(text, pairs) {
  return pairs.reduce((now, [from, to]) => {
    if (now.split(from).length !== 2) throw new Error(`docs/operations.md does not have once: ${from}`);
    return now.replace(from, () => to);
  }, text);
}

function block(language) {
  const [, text, ...others] = document.split(`\`\`\`${language}\n`);
  if (text === undefined || others.length > 0)
    throw new Error(`docs/operations.md does not have one block of ${language}`);
  return text.slice(0, text.indexOf('```'));
}

/** Checks that what is said of a Unix socket is what stands here. */
function said(words) {
  if (!document.includes(`\`${words}\``)) throw new Error(`docs/operations.md does not have: ${words}`);
  return words;
}

const documented = '/run/user/1000/paddock/mcp.sock';

function nginx(folder, { path, upstream, certFile, keyFile }) {
  const pass =
    typeof upstream === 'number'
      ? `proxy_pass http://127.0.0.1:${upstream};`
      : replaced(said(`proxy_pass http://unix:${documented}:;`), [[documented, upstream]]);
  const site = replaced(block('nginx'), [
    ['listen 443 ssl', `listen unix:${path} ssl`],
    ['/etc/ssl/mcp.pem', certFile],
    ['/etc/ssl/private/mcp.key', keyFile],
    ['proxy_pass http://127.0.0.1:8484;', pass],
  ]);
  // Where a daemon of the distribution writes, and this user can not.
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (one) => `${one}_temp_path ${folder}/${one};`,
  );
  const http = [`access_log ${folder}/access.log;`, ...places, site].join('\n');
  const settings = `daemon off;\npid ${folder}/pid;\nerror_log stderr crit;\nevents {}\nhttp {\n${http}\n}\n`;
  writeFileSync(join(folder, 'nginx.conf'), settings);
  return ['nginx', '-e', 'stderr', '-p', folder, '-c', join(folder, 'nginx.conf')];
}

function haproxy(folder, { path, upstream, certFile, keyFile }) {
  const server =
    typeof upstream === 'number'
      ? `server paddock 127.0.0.1:${upstream}`
      : replaced(said(`server paddock unix@${documented}`), [[documented, upstream]]);
  writeFileSync(join(folder, 'both.pem'), readFileSync(certFile, 'utf8') + readFileSync(keyFile, 'utf8'), {
    mode: 0o600,
  });
  const settings = replaced(block('haproxy'), [
    ['bind :443', `bind unix@${path}`],
    ['/etc/haproxy/mcp.pem', join(folder, 'both.pem')],
    ['server paddock 127.0.0.1:8484', server],
  ]);
  writeFileSync(join(folder, 'haproxy.cfg'), settings);
  return ['haproxy', '-db', '-f', join(folder, 'haproxy.cfg')];
}

export const proxies = { nginx, haproxy };

/** One of them, once it listens at `path`; `end` waits for its end. */
export async function startProxy(run, kind, folder, where) {
  mkdirSync(folder);
  const [program, ...args] = proxies[kind](folder, where);
  const child = run.spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  let isUp = true;
  const ended = new Promise((resolve) => {
    for (const event of ['close', 'error']) child.once(event, resolve);
  }).then(() => {
    isUp = false;
  });
  while (isUp && !(await listens(where.path))) await sleep(20);
  if (!isUp) throw new Error(`${program} ended before it listened`);
  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}

function listens(path) {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
