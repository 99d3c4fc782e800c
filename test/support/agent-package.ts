import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import type { AgentId } from '../../src/agents/types.js';
import type { AgentPackage } from '../../src/image/agent-packages.js';

/** A package as npm has them, of these files, or of entries of any kind. */
export async function packageOf(
  agent: AgentId,
  files: Readonly<Record<string, string | Partial<Header>>>,
  program: string,
): Promise<{ readonly package: AgentPackage; readonly bytes: Buffer }> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === 'string') tar.entry({ name, mode: 0o644 }, content);
    else tar.entry({ name, ...content });
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  const bytes = gzipSync(Buffer.concat(chunks));
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  return { package: { agent, name: `@test/${agent}`, version: '1.2.3', integrity, program }, bytes };
}
