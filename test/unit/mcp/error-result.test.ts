import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { EngineError, errorTable, PaddockError, PolicyDenied } from '../../../src/core/errors.js';
import { failureResult, toFailure } from '../../../src/mcp/error-result.js';

const textOf = (thrown: unknown) => {
  const [first] = failureResult(toFailure(thrown)).content;
  return first?.type === 'text' ? first.text : '';
};

describe('an error as a tool result', () => {
  it('has code, message, and what to do next, for models in the text and for programs in _meta', () => {
    const result = failureResult(toFailure(new EngineError('ENGINE_TIMEOUT', 'no answer after 10 s')));
    expect(result).toEqual({
      isError: true,
      content: [
        { type: 'text', text: `ENGINE_TIMEOUT: no answer after 10 s\nNext: ${errorTable.ENGINE_TIMEOUT.hint}` },
      ],
      _meta: { 'dev.paddock/error': { code: 'ENGINE_TIMEOUT', retryable: true } },
    });
  });

  it('names the rule of a refusal, and of other errors that have one', () => {
    expect(textOf(new PolicyDenied('mount.root', 'not below an allowed root'))).toMatch(
      /^POLICY_DENIED \[rule mount\.root\]: /,
    );
    const limit = new PaddockError('LIMIT_REACHED', 'full', { info: { ruleId: 'sessions.limit' } });
    expect(failureResult(toFailure(limit))._meta).toMatchObject({ 'dev.paddock/error': { ruleId: 'sessions.limit' } });
  });

  it('says where bad arguments are wrong', () => {
    const { error } = z.strictObject({ a: z.object({ b: z.number() }) }).safeParse({ a: { b: 'x' }, c: 1 });
    const text = textOf(error);
    expect(text).toMatch(/^BAD_ARGUMENT: /);
    expect(text).toContain('a.b:');
    expect(text).toContain('"c"');
  });

  it('says it of each place, however long the names in one of them are', () => {
    const inner = z.strictObject({ c: z.number().optional() });
    const schema = z.strictObject({ a: inner, b: z.number() });
    const text = textOf(schema.safeParse({ a: { ['x'.repeat(100_000)]: 1 }, b: 'y' }).error);
    expect(text).toMatch(/^BAD_ARGUMENT: a: Unrecognized key: "x{200,300}; b: /);
  });

  it('shows neither stack, nor cause, nor control characters, and no more than 2 kB of a message', () => {
    const thrown = new Error(`\u001b[31mred\u202e ${'x'.repeat(10_000)}`, { cause: new Error('secret cause') });
    const text = textOf(thrown);
    expect(text).toMatch(/^INTERNAL: \\u\{1b\}\[31mred\\u\{202e\} x+/);
    expect(text).not.toMatch(/secret cause|error-result\.test/);
    expect(text.length).toBeLessThan(2300);
    expect(textOf('just a text')).toMatch(/^INTERNAL: just a text/);
  });

  it('takes an abort for an interruption', () => {
    expect(textOf(new DOMException('gone', 'AbortError'))).toMatch(/^INTERRUPTED/);
  });
});
