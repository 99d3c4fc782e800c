import { describe, expect, it } from 'vitest';
import type { CopyOnWriteWay } from '../../../src/core/spec.js';
import { Overlays } from '../../../src/workspace/overlays.js';
import type { OverlayAnswer } from '../../../src/workspace/try-overlay.js';

const { signal } = new AbortController();

/** Overlays on a host that answers so, one after the other; keeps what was asked. */
function on(way: CopyOnWriteWay, ...answers: OverlayAnswer[]) {
  const asked: string[] = [];
  const attempt = (source: string) => {
    asked.push(source);
    return Promise.resolve(answers[asked.length - 1] ?? { can: 'no' as const, why: 'asked too often' });
  };
  return { asked, overlays: new Overlays({ way, program: '/init', attempt }) };
}

const project = { source: '/home/ann/project', dev: '1' };
const yes = { can: 'yes', why: '' } as const;
const no = { can: 'no', why: 'Invalid argument' } as const;
const unknown = { can: 'unknown', why: 'Operation not permitted' } as const;

describe('how a project is shown copy-on-write', () => {
  it('is an overlay where the kernel can, and where only the engine may know', async () => {
    for (const answer of [yes, unknown]) {
      expect(await on('auto', answer).overlays.reasonToCopy(project, '/state/layers/x', signal)).toBeUndefined();
      expect(await on('overlay', answer).overlays.reasonToCopy(project, '/state/layers/x', signal)).toBeUndefined();
    }
  });

  it('is a copy where the kernel can not, with its word, unless that is not wanted', async () => {
    expect(await on('auto', no).overlays.reasonToCopy(project, '/state/layers/x', signal)).toContain(
      'Invalid argument',
    );
    await expect(on('overlay', no).overlays.reasonToCopy(project, '/state/layers/x', signal)).rejects.toMatchObject({
      code: 'WORKSPACE_UNAVAILABLE',
      message: expect.stringContaining('Invalid argument'),
      hint: expect.stringContaining('--workspace ro'),
    });
  });

  it('is a copy where the settings say so, and nobody is asked', async () => {
    const { overlays, asked } = on('copy');
    expect(await overlays.reasonToCopy(project, '/state/layers/x', signal)).toBe('as the settings say');
    expect(asked).toEqual([]);
  });

  it('is asked once for each file system, and again where there was no answer', async () => {
    const { overlays, asked } = on('auto', unknown, yes, no);
    const ask = (dev: string) => overlays.reasonToCopy({ ...project, dev }, '/state/layers/x', signal);
    expect([await ask('1'), await ask('1'), await ask('1')]).toEqual([undefined, undefined, undefined]);
    expect(asked).toHaveLength(2);
    expect(await ask('2')).toContain('Invalid argument');
    expect(asked).toHaveLength(3);
  });
});
