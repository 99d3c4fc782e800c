import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allTools } from '../../../src/tools/all-tools.js';
import { defineTool } from '../../../src/tools/define-tool.js';

const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

describe('a tool definition', () => {
  const tool = defineTool({
    name: 'double',
    title: 'Double',
    description: 'Doubles a number.',
    annotations,
    input: z.strictObject({ value: z.number(), times: z.number().default(2).describe('How often.') }),
    output: z.object({ result: z.number() }),
    handle: (_services: undefined, { value, times }) =>
      Promise.resolve({ structured: { result: value * times }, text: String(value * times) }),
  });
  const context = { signal: new AbortController().signal, progress: () => undefined };

  it('has schemas in which a default is optional to the caller and nothing else is accepted', () => {
    expect(tool.inputSchema).toEqual({
      type: 'object',
      properties: { value: { type: 'number' }, times: { type: 'number', default: 2, description: 'How often.' } },
      required: ['value'],
      additionalProperties: false,
    });
    expect(tool.outputSchema).toMatchObject({ type: 'object', required: ['result'] });
  });

  it('parses before it handles', async () => {
    expect(await tool.call(undefined, { value: 4 }, context)).toEqual({ structured: { result: 8 }, text: '8' });
    for (const wrong of [{ value: '4' }, { value: 4, more: 1 }, [], 'x', null]) {
      await expect(async () => tool.call(undefined, wrong, context)).rejects.toBeInstanceOf(z.ZodError);
    }
  });
});

describe('the tools', () => {
  it('have unique names, closed inputs, and schemas that clients of any kind can read', () => {
    expect(new Set(allTools.map((tool) => tool.name)).size).toBe(allTools.length);
    for (const tool of allTools) {
      expect(tool.name).toMatch(/^[a-z][a-z_]{2,30}$/);
      expect(tool.inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
      // Some clients resolve no references and take no schema without an object at its top.
      expect(JSON.stringify([tool.inputSchema, tool.outputSchema])).not.toMatch(/"\$(ref|schema|defs)"/);
    }
  });
});
