import { dirname } from 'node:path';
import {
  type DoctorCheck,
  type DoctorContext,
  engineOf,
  type FileFacts,
  type Finding,
  fail,
  hostsOwn,
  noEngine,
  pass,
  warn,
} from '../context.js';
import { word } from '../shell.js';

/** Whoever can connect to the engine's socket acts with the user's rights. */
export const socketCheck: DoctorCheck = {
  id: 'socket',
  title: "Nobody else reaches the engine's socket",
  async run(ctx) {
    const engine = engineOf(ctx);
    if (engine === undefined) return noEngine;
    const { socketPath } = engine.identity;
    if (ctx.isContained && socketPath.startsWith('/'))
      return hostsOwn(`the host's folders above ${socketPath}, and who listens on its ports,`);
    return [await judgeSocket(ctx, socketPath), await tcpFinding(ctx)];
  },
};

async function judgeSocket(ctx: DoctorContext, socketPath: string): Promise<Finding> {
  const remedyForTcp = 'Remove the `tcp://` listener from the engine, and `unset DOCKER_HOST CONTAINER_HOST`.';
  if (!socketPath.startsWith('/')) {
    const evidence = `${socketPath} is TCP: everybody on this host, and maybe beyond, can use it`;
    return ctx.sitePolicy.tcpAllowed ? warn(evidence, remedyForTcp) : fail(evidence, remedyForTcp);
  }
  const path = (await ctx.files.realPath(socketPath)) ?? socketPath;
  const socket = await ctx.files.facts(path);
  if (socket === undefined)
    return { status: 'unknown', evidence: `${path} can't be looked at`, remedy: `ls -ld ${word(path)}` };
  const folders = await foldersAbove(ctx, path);
  const evidence = `${path} is ${mode(socket)} in ${mode(folders[0]?.facts)} ${folders[0]?.path ?? '/'}`;
  const replaceable = folders.find(({ facts }) => (facts.mode & 0o022) !== 0 && (facts.mode & 0o1000) === 0);
  if (replaceable) {
    return fail(
      `${evidence}; others can write in ${replaceable.path} and put a socket of theirs there`,
      `chmod go-w ${word(replaceable.path)}`,
    );
  }
  if ((socket.mode & 0o002) !== 0 && folders.every(({ facts }) => (facts.mode & 0o001) !== 0)) {
    return fail(`${evidence}: every user can connect`, `chmod 600 ${word(path)}`);
  }
  if ((socket.mode & 0o020) !== 0 && folders.every(({ facts }) => isOpenToGroup(facts, socket.gid))) {
    return warn(`${evidence}: every member of group ${socket.gid} can connect`, `chmod g-w ${word(path)}`);
  }
  return pass(evidence);
}

function isOpenToGroup(folder: FileFacts, gid: number): boolean {
  return folder.gid === gid ? (folder.mode & 0o010) !== 0 : (folder.mode & 0o001) !== 0;
}

async function foldersAbove(ctx: DoctorContext, path: string): Promise<{ path: string; facts: FileFacts }[]> {
  const found: { path: string; facts: FileFacts }[] = [];
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const facts = await ctx.files.facts(folder);
    if (facts !== undefined) found.push({ path: folder, facts });
    if (folder === '/') return found;
  }
}

const mode = (facts: FileFacts | undefined): string => (facts ? `0${(facts.mode & 0o777).toString(8)}` : 'unreadable');

/** The ports that Docker's and Podman's documents use for an open API: 2375 without, 2376 with TLS. */
async function tcpFinding(ctx: DoctorContext): Promise<Finding> {
  const texts = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((path) => ctx.files.readText(path)));
  const ports = new Set(texts.flatMap((text) => listeners(text ?? '')));
  const open = [2375, 2376].filter((port) => ports.has(port));
  const common = { part: 'tcp', title: 'No engine API listens on TCP' };
  if (open.length === 0) return { ...common, ...pass('nothing listens on the ports 2375 and 2376') };
  const evidence = `something listens on port ${open.join(' and ')}, where engine APIs usually are`;
  const remedy = `See who: \`sudo ss -ltnp 'sport = :${open[0] ?? 2375}'\`; if it is an engine, remove its \`-H tcp://…\` and restart it.`;
  return { ...common, ...warn(evidence, remedy) };
}

/** Ports of listening sockets: `sl local_address rem_address st …`, where state 0A is LISTEN. */
function listeners(text: string): readonly number[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A')
    .map((fields) => Number.parseInt(fields[1]?.split(':')[1] ?? '', 16));
}
