// Ends a session, so that what it has left is encrypted, and is killed meanwhile.
import type { AuditRecorder } from '../../../../src/audit/audit-log.js';
import { systemClock } from '../../../../src/kit/clock.js';
import { RecordStore } from '../../../../src/session/store.js';
import { readKeys } from '../../../../src/workspace/sealed/key-source.js';
import { Seals } from '../../../../src/workspace/sealed/seals.js';

const [state = '', run = '', keyFile = '', program = '', id = ''] = process.argv.slice(2);
const intent = () => Promise.resolve({ id: '1', outcome: () => Promise.resolve() });
const audit: AuditRecorder = { intent, event: () => Promise.resolve(), forCaller: () => audit };
const seals = new Seals({
  isOn: true,
  keys: () => readKeys({ keyFile }, { env: {}, uid: process.getuid?.() ?? 0 }),
  openedFolder: `${state}/opened`,
  program: () => Promise.resolve(program),
});
const sealing = { seals, audit: () => Promise.resolve(audit) };
const store = new RecordStore(state, run, systemClock, { sealing });
process.stdout.write('begins\n');
await store.remove(id as never);
process.stdout.write('done\n');
