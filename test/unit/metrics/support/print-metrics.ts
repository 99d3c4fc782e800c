import { systemClock } from '../../../../src/kit/clock.js';
import { Metrics } from '../../../../src/metrics/metrics.js';

// For scripts/check-monitoring: what a server has to say before anything happened.
const metrics = new Metrics({ version: '0.0.0', clock: systemClock, freeBytes: () => Promise.resolve(1) });
process.stdout.write(await metrics.text());
