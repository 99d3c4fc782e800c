import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import type { CommandContext } from '../../../src/cli/command.js';
import { tellQuestions } from '../../../src/cli/tell-questions.js';
import type { Session } from '../../../src/session/session.js';

/** What stands on the terminal when a program has asked for that host. */
function told(host: string, values: Readonly<Record<string, boolean>> = {}): string {
  const stderr = new PassThrough();
  const asked = new EventEmitter();
  const questions = { onAsked: (listener: (question: unknown) => void) => void asked.on('asked', listener) };
  const session: unknown = { id: 's-1', egress: { questions } };
  const context: unknown = { terminal: { stderr }, values };
  tellQuestions(context as CommandContext, session as Session);
  asked.emit('asked', { host, port: 443, rule: host });
  return String(stderr.read() ?? '');
}

it('a question is told by where to look for it, with nothing in it that a program chose or that answers', () => {
  const line = 'paddock: a program waits for a person: `paddock approve s-1` in another terminal says for what\n';
  expect(told('registry.test')).toBe(line);
  expect(told("'*' --always")).toBe(line);
});

it('a question starts a line of its own after it on a raw terminal, too', () => {
  expect(told('registry.test', { tty: true })).toMatch(/for what\r\n$/);
});
