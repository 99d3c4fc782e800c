// A process that writes to a log: writer-process PATH COUNT MODE [BYTES [FILES]]
// BYTES: the log goes on in another file from that size on, and FILES of them are kept ·
// told: makes intents until it is killed, and prints the id of each that was taken for written ·
// sealed: the same of a session, under its key, with an anchor; both lie beside the log ·
// MODE together: says so when ready, begins when stdin ends, ends cleanly · close: the same at once ·
// stay: says so when done and waits to be killed · endless: writes until it is killed ·
// refused: makes intents until one is refused, prints the code and how often the guarded action ran after that.
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openHostKey } from '../../../../src/audit/anchor/host-key.js';
import { openAudit } from '../../../../src/audit/audit-log.js';
import { audited } from '../../../../src/audit/audited.js';
import { SessionKeys } from '../../../../src/audit/erasure/session-keys.js';
import { plain } from '../../../../src/audit/redaction.js';
import { PaddockError } from '../../../../src/core/errors.js';
import { systemClock } from '../../../../src/kit/clock.js';

const [path = '', count = '0', mode = 'close', fileBytes, keepFiles] = process.argv.slice(2);
// A shell's SIGXFSZ would end the process at its file size limit; ignored, the write fails with EFBIG.
process.on('SIGXFSZ', () => undefined);
const caller = { uid: process.getuid?.() ?? 0, user: 'ada' };
const rotation = { fileBytes: Number(fileBytes ?? Infinity), keepFiles: Number(keepFiles ?? Infinity) };
const beside = (name: string) => join(dirname(path), name);
const sealing = mode === 'sealed' && {
  keys: new SessionKeys(beside('audit-keys')),
  anchor: {
    path: beside('anchor.jsonl'),
    key: await openHostKey(beside('audit-key.pem')),
    everyRecords: 5,
    withinMs: 20,
  },
};
const about = { path, createParent: false, caller, version: '0.1.0', clock: systemClock, rotation };
const log = await openAudit({ ...about, ...(sealing === false ? {} : sealing) });

if (mode === 'told' || mode === 'sealed') {
  const session = sealing === false ? {} : { session: 'pdk_abcdefghijklmnopqrstuvwxyz' };
  console.log('writing');
  for (let n = 0; ; n += 1) {
    const intent = await log.intent('command.run', { ...session, details: { n, filler: plain('x'.repeat(n % 190)) } });
    // One write(2) of less than a pipe takes at once: whole, or not there.
    writeSync(1, `${intent.id}\n`);
    await intent.outcome('ok');
  }
}

if (mode === 'refused') {
  let ran = 0;
  for (;;) {
    const before = ran;
    const run = () => {
      ran += 1;
      return Promise.resolve();
    };
    const failure = await audited(log, { action: 'command.run', run }).catch((error: unknown) => error);
    if (!(failure instanceof PaddockError)) continue;
    console.log(
      JSON.stringify({ code: failure.code, actionResult: failure.info['actionResult'] ?? null, ran: ran - before }),
    );
    if (failure.info['actionResult'] === undefined) process.exit(0);
  }
}

if (mode === 'together') {
  console.log('ready');
  await once(process.stdin.resume(), 'end');
}

const total = mode === 'endless' ? Number.POSITIVE_INFINITY : Number(count);
if (mode === 'endless') console.log('writing');
for (let n = 0; n < total; n += 1) {
  await log.event('command.output', { details: { n, filler: plain('x'.repeat(n % 190)) } });
}
if (mode === 'stay') {
  console.log('written');
  setInterval(() => undefined, 1000);
} else {
  await log[Symbol.asyncDispose]();
}
