// Writes the inputs that fuzzing starts from: `node scripts/fuzz-seeds.js FOLDER` makes FOLDER/wire, FOLDER/channel and
// FOLDER/pax.
// What a well-behaved holder would send, so that the fuzzer begins behind the first checks.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const u16 = (...values) => Buffer.from(new Uint16Array(values).buffer);
const u32 = (...values) => Buffer.from(new Uint32Array(values).buffer);

function frame(type, id = 0, payload = Buffer.alloc(0), stream = 0) {
  return Buffer.concat([u32(payload.length), Buffer.from([type, stream, 0, 0]), u32(id), payload]);
}

function start(
  id,
  { ring = 0, credit = 1000, flags = 2, argv = ['ls'], env = ['A=b'], rlimits = 0, apparmor = '' } = {},
) {
  const strings = ['/', apparmor, ...argv, ...env].map((each) => `${each}\0`).join('');
  const fixed = [u32(500, 100, ring, credit, credit), u16(flags, 0o22, 24, 80), u32(rlimits, argv.length, env.length)];
  return frame(2, id, Buffer.concat([...fixed, Buffer.alloc(rlimits * 24), Buffer.from(strings)]));
}

const deadline = (ms) => frame(0x11, 0, Buffer.from(new BigUint64Array([BigInt(ms)]).buffer));
const hello = frame(1, 0, Buffer.concat([Buffer.from('PADDOCK\n'), u16(1, 1), Buffer.alloc(16, 7)]));
const connection = 2 ** 31;

// Steps of test/fuzz/channel.c.
const say = (...frames) => {
  const bytes = Buffer.concat(frames);
  return Buffer.concat([Buffer.from([0, 0]), u16(bytes.length), bytes]);
};
const step = (what, which, amount) => Buffer.concat([Buffer.from([what, which]), u16(amount)]);
const drain = step(1, 0, 1000);
const write = (which, amount) => step(2, which, amount);
const report = (which, kind) => step(3, which, kind);
const reap = (which, clean = 1) => step(4, which, clean);
const pass = (amount) => step(5, 0, amount);
const newHolder = step(6, 0, 0);
const call = (port) => step(7, 0, port);
const [FORKED, STARTED, FAILED, ENDED, SEATED] = [1, 2, 3, 4, 5];
const prepare = (id) => frame(0x12, id);
const begun = (which) => [report(which, FORKED), report(which, STARTED)];
const ended = (which) => [report(which, ENDED), reap(which)];

const conversations = {
  output: [say(hello, start(1)), ...begun(0), write(0, 10), drain, write(8, 10), ...ended(0), drain, say(frame(9, 1))],
  ring: [
    say(hello, start(1, { ring: 100, credit: 0 })),
    ...begun(0),
    write(0, 99),
    write(0, 99),
    say(frame(5, 1, u32(500), 1)),
    ...ended(0),
  ],
  stalled: [
    say(hello, start(1, { credit: 16_777_216 })),
    ...begun(0),
    ...Array(40).fill(write(0, 16_000)),
    drain,
    drain,
    ...ended(0),
  ],
  forgotten: [
    say(hello, start(1, { credit: 100_000 })),
    ...begun(0),
    write(0, 4000),
    ...ended(0),
    say(frame(9, 1)),
    drain,
    drain,
  ],
  forgottenRing: [
    say(hello, start(1, { ring: 9000, credit: 100_000 })),
    ...begun(0),
    write(0, 500),
    write(0, 500),
    write(0, 500),
    ...ended(0),
    say(frame(9, 1)),
    drain,
    drain,
  ],
  input: [
    say(hello, start(1), frame(3, 1, Buffer.alloc(60_000))),
    say(frame(3, 1, Buffer.alloc(60_000)), frame(4, 1)),
    ...begun(0),
    ...ended(0),
  ],
  flooded: [
    say(hello, start(1)),
    ...begun(0),
    ...Array(6).fill(say(frame(3, 1, Buffer.alloc(60_000)))),
    drain,
    drain,
    drain,
  ],
  failed: [say(hello, start(1)), report(0, FORKED), report(0, FAILED), reap(0), drain, say(frame(9, 1))],
  lost: [say(hello, start(1)), ...begun(0), reap(0, 0), pass(10), reap(0)],
  timers: [say(hello, start(1)), ...begun(0), pass(63), pass(13), pass(126), pass(126), pass(700)],
  ending: [
    say(hello, start(1), frame(6, 1, Buffer.from([15, 1])), frame(7, 1, u32(1000)), frame(7, 1, u32(0))),
    ...ended(0),
  ],
  dials: [
    say(hello, frame(0x14, 1, u16(2)), frame(0x14, 2, u16(4)), frame(0x14, 3, u16(5))),
    drain,
    say(frame(0x0d, connection, Buffer.from('hello')), frame(0x0e, connection), frame(0x14, 1, u16(3))),
    drain,
    newHolder,
    pass(40),
    say(hello, frame(0x14, 1, u16(1))),
    drain,
  ],
  takeover: [
    say(hello, start(1), start(2)),
    ...begun(0),
    write(0, 100),
    newHolder,
    pass(40),
    say(hello, frame(5, 1, u32(99), 1)),
    drain,
    ...ended(0),
    ...ended(1),
  ],
  prepared: [
    say(hello, prepare(1), prepare(2)),
    report(0, SEATED),
    drain,
    say(start(1), frame(7, 2, u32(500))),
    ...begun(0),
    ...ended(1),
    write(0, 10),
    ...ended(0),
    drain,
    say(frame(9, 1), frame(9, 2)),
  ],
  preparedAndGone: [
    say(hello, prepare(1), prepare(2)),
    report(0, SEATED),
    report(0, STARTED),
    ...ended(0),
    drain,
    say(start(1), frame(9, 1)),
    newHolder,
    pass(40),
    say(hello, prepare(2)),
    ...ended(1),
    drain,
  ],
  pings: [say(hello, ...Array(20).fill(frame(10, 0, Buffer.from('ping')))), drain],
  deadlines: [say(hello, ...Array.from({ length: 9 }, (_, i) => deadline(9000 + i)), frame(10), deadline(1)), drain],
  connections: [
    say(hello, frame(0x0b, 1, u16(50_007))),
    call(50_007),
    say(frame(0x0d, connection, Buffer.from('x')), frame(5, connection, u32(5), 3), frame(0x0e, connection)),
    call(50_007),
    say(frame(0x0f, connection + 1), frame(0x0c, 1)),
    drain,
  ],
  full: [say(hello, ...Array.from({ length: 140 }, (_, i) => start(i + 1, { argv: ['a', 'b', 'c'] }))), drain],
};

const folder = process.argv[2] ?? '.';
mkdirSync(join(folder, 'wire'), { recursive: true });
mkdirSync(join(folder, 'channel'), { recursive: true });
// The second of each is a detached one: it takes an odd length.
for (const [name, steps] of Object.entries(conversations)) {
  const bytes = Buffer.concat(steps);
  writeFileSync(join(folder, 'channel', name), bytes);
  writeFileSync(join(folder, 'channel', `${name}-other`), Buffer.concat([bytes, Buffer.alloc(1)]));
}
const frames = [
  hello,
  start(1),
  start(2, { rlimits: 2, apparmor: 'exec name' }),
  frame(3, 1, Buffer.from('x')),
  frame(4, 1),
  frame(5, 1, u32(1), 1),
  frame(6, 1, Buffer.from([9, 2])),
  frame(7, 1, u32(0)),
  frame(8, 1, u16(1, 2)),
  frame(10, 0, Buffer.from('ping')),
  frame(0x0b, 1, u16(0)),
  frame(5, connection, u32(1), 3),
  frame(0x10),
  deadline(2 ** 53 - 1),
  prepare(1),
];
for (const [i, each] of frames.entries()) writeFileSync(join(folder, 'wire', String(i)), each);
writeFileSync(join(folder, 'wire', 'all'), Buffer.concat(frames));

/** A header and the records before it, of an entry of a packed layer. */
function entry(type, name, size, records) {
  const header = Buffer.alloc(512);
  header.write(name, 0, 'latin1');
  header.write('0000644', 100, 'latin1');
  header.write(`${size.toString(8).padStart(11, '0')}`, 124, 'latin1');
  header.write(type, 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  return Buffer.concat([header, ...records.map(([key, value]) => record(key, Buffer.from(value)))]);
}

function record(key, value) {
  const rest = key.length + value.length + 3;
  let length = rest + 1;
  while (rest + String(length).length !== length) length += 1;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')]);
}

mkdirSync(join(folder, 'pax'), { recursive: true });
const written = ['mtime', '1700000000.000000001'];
const entries = [
  entry('5', 'upper', 0, [written, ['SCHILY.xattr.user.overlay.opaque', 'y']]),
  entry('0', 'upper/f', 5, [
    ['mtime', '-2.500000000'],
    ['SCHILY.xattr.user.a', '=\n\0'],
    ['SCHILY.xattr.user.b', ''],
  ]),
  entry('0', 'pax', 0, [['path', `upper/${'n'.repeat(200)}`], ['size', '99999999999'], written]),
  entry('1', 'upper/l', 0, [['linkpath', `upper/${'t'.repeat(200)}`], written]),
  entry('0', 'upper/s', 512, [
    ...[
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', 'upper/s'],
    ],
    ...[['GNU.sparse.realsize', '1099511627776'], written],
  ]),
];
for (const [i, each] of entries.entries()) writeFileSync(join(folder, 'pax', String(i)), each);
