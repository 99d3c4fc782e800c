// Finds what a run left running, by the run's private folders: every process that names one of them in its environment
// or its command line, and every descendant of such a process (a sandbox's own processes name nothing).
//   node leftovers.js [--grace SECONDS] FOLDER ...    names what should not be there, ends everything; exit 1 when there
//                                                     was any that did not end by itself in SECONDS (default 5)
//   node leftovers.js --end FOLDER ...                ends everything; exit 1 only when something cannot be ended
// --patience SECONDS (default 3): how long what was told to end may take to, before it is killed.
// What an engine is known to leave behind is ended and not held against the run: Podman's pause process, and the conmon
// of an exec, which stays for five minutes after the container is gone. A conmon with a container under it is no such.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const { values, positionals: folders } = parseArgs({
  options: {
    end: { type: 'boolean', default: false },
    grace: { type: 'string', default: '5' },
    patience: { type: 'string', default: '3' },
  },
  allowPositionals: true,
});
const judging = !values.end;

function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // Ended meanwhile, or not ours to read.
  }
}

function readProcess(pid) {
  // The name is in parentheses and may itself contain them.
  const stat = readText(`/proc/${pid}/stat`);
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const command = readText(`/proc/${pid}/cmdline`);
  const marked = folders.some((folder) => `${command}\0${readText(`/proc/${pid}/environ`)}`.includes(folder));
  const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
  return { pid, parent: Number(parent), state, name, command: command.replaceAll('\0', ' ').trim(), marked };
}

function ancestorsOf(pid, byPid) {
  const found = new Set();
  for (let at = byPid.get(pid); at !== undefined && !found.has(at.pid); at = byPid.get(at.parent)) found.add(at.pid);
  return found;
}

/** Everything of the run that lives, without this process and those that wait for it. */
function find() {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter(({ state }) => state !== undefined && state !== '' && state !== 'Z');
  const byPid = new Map(all.map((one) => [one.pid, one]));
  const waiting = ancestorsOf(process.pid, byPid);
  const mine = new Set(all.filter((one) => one.marked && !waiting.has(one.pid)).map(({ pid }) => pid));
  for (let grew = true; grew; ) {
    const before = mine.size;
    for (const one of all) if (mine.has(one.parent) && !waiting.has(one.pid)) mine.add(one.pid);
    grew = mine.size > before;
  }
  return all.filter(({ pid }) => mine.has(pid));
}

function unexpected(left) {
  const children = (pid) => left.filter(({ parent }) => parent === pid);
  const onlyConmon = (one) => one.name === 'conmon' && children(one.pid).every(onlyConmon);
  const isPause = (one) => /catatonit -P$|podman.* pause$/.test(one.command) || one.name === 'podman pause';
  return left.filter((one) => !onlyConmon(one) && !(isPause(one) && children(one.pid).length === 0));
}

function end(left, signal) {
  for (const { pid } of left) {
    try {
      process.kill(pid, signal);
    } catch {
      // Ended meanwhile; what may not be ended is seen by the last look.
    }
  }
}

async function pollUntil(seconds, isDone) {
  for (let tenths = seconds * 10; tenths > 0 && !isDone(); tenths -= 1) await sleep(100);
}

// An engine's clean-up command may still be at work: what ends by itself in a few seconds was not left behind.
if (judging) await pollUntil(Number(values.grace), () => unexpected(find()).length === 0);
const strays = judging ? unexpected(find()) : [];
for (const { pid, name, command } of strays) {
  process.stderr.write(`left behind: process ${pid} (${name}) ${command.slice(0, 200)}\n`);
}
end(find(), 'SIGTERM');
await pollUntil(Number(values.patience), () => find().length === 0);
for (let tries = 0; tries < 20 && find().length > 0; tries += 1) {
  end(find(), 'SIGKILL');
  await sleep(100);
}
const immortal = find();
for (const { pid, name } of immortal) process.stderr.write(`cannot end process ${pid} (${name})\n`);
process.exit(strays.length + immortal.length > 0 ? 1 : 0);
