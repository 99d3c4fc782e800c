import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AgentId, agentIds } from '../../agents/types.js';
import { audited } from '../../audit/audited.js';
import { selinuxMode } from '../../confine/selinux.js';
import { PaddockError } from '../../core/errors.js';
import { formatBytes } from '../../core/units.js';
import { version } from '../../core/version.js';
import { builtLabel, ImageBuilder, type ImageBuildRequest } from '../../image/build-image.js';
import { fetchPackage } from '../../image/fetch-package.js';
import { scannerNames } from '../../image/scan/scanners.js';
import { App } from '../app.js';
import { BuildOutput } from '../build-output.js';
import { type CliCommand, type CommandContext, text, texts } from '../command.js';
import { report, table } from '../output.js';
import { settingsOf } from '../settings.js';
import { scan } from './image-scan.js';

/** Where the build, and the package, have it. */
const packageRoot = fileURLToPath(new URL('../../', import.meta.url));

export const image: CliCommand = {
  name: 'image',
  usage: 'image list | build --base REF [--agent NAME]… [--tag REF] | scan REF [--scanner NAME] [--last]',
  summary: 'builds an image for agents by the engine, lists those that were built, and has an image scanned',
  mostPositionals: 2,
  options: {
    base: { type: 'string', help: 'the image to build on, with its registry and tag; the site policy has to list it' },
    agent: { type: 'string', multiple: true, help: `what goes into it: ${agentIds.join(', ')}; may be given again` },
    tag: { type: 'string', help: `what it is called; without it localhost/paddock/TARGET:${version}` },
    target: { type: 'string', help: 'sandbox, or server: Paddock itself (docs/container.md)' },
    network: { type: 'string', help: 'none, or engine: its steps may install what the base lacks' },
    scanner: { type: 'string', help: `scan: ${scannerNames.join(', ')}; without it the first that is installed` },
    last: { type: 'boolean', help: 'scan: shows what the last scan found, and scans nothing' },
    packages: { type: 'string', help: "folder with the agents' packages as files, instead of what npm fetches" },
  },
  async run(context) {
    const [action, reference] = context.positionals;
    if (action === 'scan') {
      refuseOthers(context, action, ['scanner', 'last']);
      return await scan(context, reference);
    }
    if (reference !== undefined) throw new PaddockError('BAD_ARGUMENT', `not understood: ${reference}`);
    if (action === 'list') {
      refuseOthers(context, action, []);
      return await list(context);
    }
    if (action !== 'build') throw new PaddockError('BAD_ARGUMENT', 'say list, build or scan');
    refuseOthers(context, action, ['base', 'agent', 'tag', 'target', 'network', 'packages']);
    return await build(context);
  },
};

function refuseOthers(context: CommandContext, action: string, own: readonly string[]): void {
  for (const name of Object.keys(image.options)) {
    if (context.values[name] === undefined || own.includes(name)) continue;
    throw new PaddockError('BAD_ARGUMENT', `--${name} does not go with ${action}`);
  }
}

async function list(context: CommandContext): Promise<number> {
  await using app = new App(await settingsOf(context), context.env);
  const engine = await app.engine();
  const all = await engine.listImages(builtLabel, context.signal);
  const images = all.flatMap(({ id, references, sizeBytes, createdAtMs }) =>
    references.map((reference) => ({ reference, id, sizeBytes, created: new Date(createdAtMs).toISOString() })),
  );
  const rows = images.map((one) => [one.reference, one.id.slice(0, 12), formatBytes(one.sizeBytes), one.created]);
  const lines = rows.length === 0 ? 'no images' : table([['IMAGE', 'ID', 'SIZE', 'CREATED'], ...rows]);
  await report(context, { images }, lines);
  return 0;
}

async function build(context: CommandContext): Promise<number> {
  const request = requestOf(context);
  await using app = new App(await settingsOf(context), context.env);
  const [audit, engine] = await Promise.all([app.audit(), app.engine()]);
  const builder = new ImageBuilder({
    ...{ engine, sitePolicy: app.config.sitePolicy, env: context.env, processor: process.arch, tempFolder: tmpdir() },
    ...{ packageRoot, containerfile: await readFile(join(packageRoot, 'Containerfile'), 'utf8') },
    isLabelled: selinuxMode() === 'enforcing',
    fetchPackage: (wanted, folder, signal) => fetchPackage(wanted, { folder, env: context.env, signal }),
  });
  const { base, reference, agents, network } = request;
  const output = new BuildOutput(context.terminal.stderr);
  const built = await audited(audit, {
    action: 'image.build',
    details: { base, reference, agents, network },
    run: () => builder.build(request, output, context.signal),
    describe: ({ id, sizeBytes }) => ({ imageId: id, bytes: sizeBytes }),
  });
  const lines = [
    `${built.reference}  ${formatBytes(built.sizeBytes)}`,
    ...built.agents.map(({ agent, version: of }) => `${agent} ${of}`),
  ];
  await report(context, built, lines.join('\n'));
  return 0;
}

function requestOf(context: CommandContext): ImageBuildRequest {
  const [base, network] = [text(context, 'base'), text(context, 'network') ?? 'none'];
  const target = text(context, 'target') ?? 'sandbox';
  if (base === undefined)
    throw new PaddockError('BAD_ARGUMENT', 'name the image to build on: --base REGISTRY/NAME:TAG');
  if (target !== 'sandbox' && target !== 'server')
    throw new PaddockError('BAD_ARGUMENT', '--target is sandbox or server');
  if (network !== 'none' && network !== 'engine') throw new PaddockError('BAD_ARGUMENT', '--network is none or engine');
  const packages = text(context, 'packages');
  const agents = texts(context, 'agent').map(agentOf);
  if (target === 'server' && (agents.length > 0 || packages !== undefined))
    throw new PaddockError('BAD_ARGUMENT', 'no agent goes into the image of the server');
  return {
    ...{ base, target, network, agents },
    reference: text(context, 'tag') ?? `localhost/paddock/${target}:${version}`,
    packageFolder: packages === undefined ? undefined : resolve(packages),
  };
}

function agentOf(name: string): AgentId {
  const found = agentIds.find((one) => one === name);
  if (found !== undefined) return found;
  throw new PaddockError('BAD_ARGUMENT', `no agent ${name}: there are ${agentIds.join(', ')}`);
}
