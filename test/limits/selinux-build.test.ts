import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContainedPlace } from '../e2e/support/contained.js';
import { engineKinds } from '../engine/support/engines.js';
import { isHere, need } from './support/selinux.js';

describe.each(engineKinds)('an image that is built where selinux enforces, by a real rootless %s', (kind) => {
  let contained: ContainedPlace | undefined;
  beforeAll(async () => {
    // With the rule of docs/selinux.md, which scripts/test-vm has root type.
    if (isHere) contained = await ContainedPlace.make(kind);
  });
  afterAll(() => contained?.[Symbol.asyncDispose]());

  it('has had its steps run, each with pipes that the builder gave its label', async (context) => {
    need(context);
    const shown = await contained?.engineSays(
      'image',
      'inspect',
      '--format',
      '{{.Config.Entrypoint}}',
      contained.image,
    );
    expect(shown).toContain('/opt/paddock/dist/cli/main.js');
  });
});
