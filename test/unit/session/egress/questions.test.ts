import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/kit/clock.js';
import { answerQuestion } from '../../../../src/session/egress/answer-question.js';
import { type OpenQuestion, Questions } from '../../../../src/session/egress/questions.js';
import { InMemoryAudit } from '../support/audit.js';

const question = { host: 'a.example', port: 443, via: 'connect', rule: 'https://a.example' } as const;
const id = 'pdk_aaaaaaaaaaaaaaaaaaaaaaaaaa' as never;

describe('what a person is asked', () => {
  it('is listed until it is answered, and the first answer counts', async () => {
    const questions = new Questions(systemClock);
    const asked = questions.ask(question, new AbortController().signal);
    expect(questions.list).toMatchObject([question]);
    expect(questions.answer(question.rule, 'allow-once')).toBe(true);
    expect(questions.answer(question.rule, 'deny')).toBe(false);
    expect(await asked).toBe('allow-once');
    expect(questions.list).toEqual([]);
  });

  it('is a no when it is withdrawn, and whoever shows it hears that', async () => {
    const questions = new Questions(systemClock);
    const heard: [OpenQuestion, AbortSignal][] = [];
    const stop = questions.onAsked((one, withdrawn) => heard.push([one, withdrawn]));
    const over = new AbortController();
    const asked = questions.ask(question, over.signal);
    expect(heard).toMatchObject([[question, { aborted: false }]]);
    over.abort();
    expect(await asked).toBe('deny');
    expect(heard[0]?.[1].aborted).toBe(true);
    stop();
    void questions.ask(question, over.signal).catch(() => undefined);
    expect(heard).toHaveLength(1);
  });

  it('is let through only when that is on record', async () => {
    const questions = new Questions(systemClock);
    const audit = new InMemoryAudit();
    const asked = questions.ask(question, new AbortController().signal);
    const broken = { ...{ id, questions }, audit: { event: () => Promise.reject(new Error('full')) } as never };
    await expect(answerQuestion(broken, question.rule, 'allow-once')).rejects.toThrow('full');
    expect(questions.list).toHaveLength(1);
    await answerQuestion({ id, questions, audit }, question.rule, 'allow-once');
    expect(await asked).toBe('allow-once');
    await expect(answerQuestion({ id, questions, audit }, question.rule, 'deny')).rejects.toMatchObject({
      code: 'NO_SUCH_QUESTION',
    });
  });

  it('for always is on record as that, and lets the session through', async () => {
    const questions = new Questions(systemClock);
    const given: unknown[] = [];
    const event = (_: string, { details }: { details: { answer: unknown } }) =>
      Promise.resolve(void given.push(JSON.stringify(details.answer)));
    const asked = questions.ask(question, new AbortController().signal);
    await answerQuestion({ id, questions, audit: { event } as never }, question.rule, 'allow-always');
    expect(await asked).toBe('allow-session');
    expect(given).toEqual([expect.stringContaining('allow-always')]);
  });
});
