import { describe, expect, it } from 'vitest';
import { ZodError } from 'zod';
import { createSession } from '../../../src/tools/create-session.js';
import { executeCommand } from '../../../src/tools/execute-command.js';
import type { ToolServices } from '../../../src/tools/services.js';
import { writeFile } from '../../../src/tools/write-file.js';

const context = { signal: new AbortController().signal, progress: () => undefined };
const services = { sessions: { get: () => ({}) } } as unknown as ToolServices;
const sessionId = 'any';

describe('arguments that are too much', () => {
  const texts = (count: number, value: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`N${at}`, value]));
  async function issuesOf(call: () => Promise<unknown>): Promise<readonly string[]> {
    const error: unknown = await Promise.resolve()
      .then(call)
      .catch((thrown: unknown) => thrown);
    return error instanceof ZodError ? error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) : [];
  }

  it('are refused as a whole, without a word on each of them', async () => {
    const many = texts(1001, 5);
    const create = () => createSession.call(services, { env: many, labels: many }, context);
    expect(await issuesOf(create)).toEqual(['env: are more than 1000', 'labels: are more than 1000']);
    const execute = () => executeCommand.call(services, { sessionId, argv: ['a'], env: many }, context);
    expect(await issuesOf(execute)).toEqual(['env: are more than 1000']);
    expect(await issuesOf(() => createSession.call(services, { env: texts(1000, 5) }, context))).toHaveLength(1000);
  });

  it('are told to clients as what they hold', () => {
    const { properties } = createSession.inputSchema as { properties: Record<string, unknown> };
    expect(properties['env']).toMatchObject({ type: 'object', additionalProperties: { type: 'string' } });
  });

  it('are content that is refused for its length before it is looked at', async () => {
    const write = (content: string, encoding: string) =>
      writeFile.call(services, { sessionId, path: 'a', content, encoding }, context);
    const most = 2 * 1024 ** 2;
    await expect(write('\ud800'.repeat(most + 1), 'utf8')).rejects.toThrow('at least 2097153 bytes');
    await expect(write('?'.repeat(4 * most), 'base64')).rejects.toThrow('at least');
    await expect(write('ä'.repeat(most), 'utf8')).rejects.toThrow('content has 4194304 bytes, the most is 2097152');
    const longest = Buffer.alloc(most + 1).toString('base64');
    await expect(write(longest, 'base64')).rejects.toThrow('2097153 bytes');
  });
});
