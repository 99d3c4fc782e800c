import { expect, it, vi } from 'vitest';
import { builtInPolicy } from '../../../../src/config/built-in-policy.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { newSessionId } from '../../../../src/kit/random-id.js';
import { SessionBrokers } from '../../../../src/session/broker/session-broker.js';
import { InMemoryAudit } from '../support/audit.js';

it('the region of a session is what settings say until its broker signs for one, and then that', async () => {
  const environment: Record<string, string> = { AWS_REGION: 'eu-north-1', AWS_BEARER_TOKEN_BEDROCK: 'a-key' };
  const { broker: rules } = builtInPolicy('/');
  const listen = (port: number) => Promise.resolve({ port, close: vi.fn(), [Symbol.dispose]: vi.fn() });
  await using brokers = new SessionBrokers(
    {
      ...{ id: newSessionId(), audit: new InMemoryAudit(), clock: systemClock, given: { secrets: {} } },
      ...{ rules: { ...rules, environment: true }, sources: { environment } },
    },
    { listen },
    undefined,
  );
  expect(await brokers.region()).toBe('eu-north-1');
  environment['AWS_REGION'] = 'eu-south-1';
  expect(await brokers.region()).toBe('eu-south-1');
  await brokers.ensure({ providers: ['bedrock'] });
  environment['AWS_REGION'] = 'eu-west-3';
  expect(await brokers.region()).toBe('eu-south-1');
});
