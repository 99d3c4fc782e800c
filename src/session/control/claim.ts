import { constants, linkSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { SessionError } from '../../core/errors.js';
import { codeOf } from '../../kit/error-code.js';
import { mayListen } from '../../kit/listening.js';
import {
  isAlive,
  isOfEarlierBoot,
  isOfOtherNamespace,
  type ProcessIdentity,
  readProcessIdentity,
} from '../../kit/process-identity.js';
import { randomBase32 } from '../../kit/random-id.js';

/** The right to listen at a path, which one process has at a time. Disposing it gives it up. */
export interface Claim extends AsyncDisposable {
  readonly path: string;
}

const noteSchema = z.union([
  z.strictObject({
    ...{ pid: z.number(), startTimeTicks: z.number(), bootId: z.string(), pidNamespace: z.string().optional() },
    socket: z.string().optional(),
  }),
  z.strictObject({ free: z.literal(true) }),
]);
type Note = z.output<typeof noteSchema>;
const maxNoteBytes = 4096;
/** What a note is called until it is whole; a crash may leave one. */
export const draftNote = /^\.note-[a-z2-7]{12}$/;
/** Older notes say nothing any more; a few stay, so that no reader of the folder ever misses all of them. */
const keptNotes = 16;
/** More of those that tell of a socket: by them others know for as long as this boot lasts who has ended. */
const keptWithSocket = 1024;

/**
 * Claims a path by a numbered note beside it: the last note says who has it, or that nobody has. A note is made whole and
 * only where there is none of its number, so of several that find the last one outdated exactly one makes the next. Taking away
 * an outdated socket (or lock file) and putting one's own there would let two believe in theirs. Errors:
 * SESSION_NOT_YOURS (a live process has it), STATE_UNWRITABLE. `socket`: at which its process listens, for those that can't see it.
 */
export async function claim(path: string, socket?: string): Promise<Claim> {
  const self = { ...(await readProcessIdentity()), ...(socket === undefined ? {} : { socket }) };
  for (let tries = 0; tries < 100; tries += 1) {
    const last = lastNote(path);
    if (last !== 0 && (await isTaken(path, last))) break;
    if (!makeNote(path, last + 1, self)) continue;
    if (lastNote(path) > last + 1) {
      // Whoever was slow for so long that the note of that number had been forgotten: it says nothing beside the later ones.
      removeQuietly(`${path}.${last + 1}`);
      continue;
    }
    forgetOld(path, last + 1 - (socket === undefined ? keptNotes : keptWithSocket));
    return { path, [Symbol.asyncDispose]: () => giveUp(path, last + 1) };
  }
  throw new SessionError('SESSION_NOT_YOURS', 'another process of Paddock holds it');
}

/** The same for those who go on without it: undefined where a live process has it. */
export async function tryClaim(path: string, socket?: string): Promise<Claim | undefined> {
  return claim(path, socket).catch((error: unknown) => {
    if (codeOf(error) === 'SESSION_NOT_YOURS') return undefined;
    throw error;
  });
}

/** Who claimed a path with a socket, and whether that one has given it up since, or was proven to have ended: where the socket refuses, or by the boot. */
export interface EarlierClaim {
  readonly owner: ProcessIdentity;
  readonly socket: string;
  readonly isOver: boolean;
}

/** Those of all owners, or of those meant. Errors: STATE_UNWRITABLE when that can't be read. */
export async function earlierClaims(
  path: string,
  isMeant: (owner: ProcessIdentity) => boolean = () => true,
): Promise<readonly EarlierClaim[]> {
  const found: EarlierClaim[] = [];
  for (const number of notes(path)) {
    const note = await readNote(`${path}.${number}`);
    if (note === undefined || !('pid' in note) || note.socket === undefined) continue;
    const { socket, ...owner } = note;
    if (!isMeant(owner)) continue;
    // Only whoever made a note, or has proven that one to be gone, says after it that nobody has it.
    const next = await readNote(`${path}.${number + 1}`);
    const isGivenUp = next !== undefined && 'free' in next;
    found.push({ owner, socket, isOver: isGivenUp || !(await isHolding(note, socket)) });
  }
  return found;
}

/**
 * Removes all notes of a path that nobody has, the last one last: what a crash leaves of them says the same. The caller sees to it that nobody claims it
 * meanwhile, by a claim on something else.
 */
export function forgetClaim(path: string): void {
  for (const number of notes(path).toSorted((a, b) => a - b)) removeQuietly(`${path}.${number}`);
}

/** Says of what a process has claimed that nobody has it; `isOver`: of whom that is proven. Errors: STATE_UNWRITABLE. */
export async function freeClaimsIn(folder: string, isOver: (owner: ProcessIdentity) => boolean): Promise<void> {
  const paths = new Set(namesIn(folder).flatMap((name) => /^(.+)\.[1-9]\d{0,14}$/.exec(name)?.[1] ?? []));
  for (const path of [...paths].map((name) => join(folder, name))) {
    const last = lastNote(path);
    const note = await readNote(`${path}.${last}`);
    if (note !== undefined && 'pid' in note && isOver(note)) makeNote(path, last + 1, { free: true });
  }
}

/** Whether a live process of another pid namespace has claimed it. Errors: as `isClaimed`. */
export async function isClaimedElsewhere(path: string): Promise<boolean> {
  const last = lastNote(path);
  const note = last === 0 ? undefined : await readNote(`${path}.${last}`);
  return note !== undefined && 'pid' in note && isOfOtherNamespace(note) && (await isTaken(path, last));
}

/** Whether a live process has claimed it. Errors: STATE_UNWRITABLE when that can't be read. */
export async function isClaimed(path: string): Promise<boolean> {
  const last = lastNote(path);
  return last !== 0 && isTaken(path, last);
}

function giveUp(path: string, mine: number): Promise<void> {
  try {
    makeNote(path, mine + 1, { free: true });
  } catch {
    // The folder may be gone with the session; or there is no room for a note, but always for one less: what was before it says that nobody has it.
    removeQuietly(`${path}.${mine}`);
  }
  return Promise.resolve();
}

function lastNote(path: string): number {
  return Math.max(0, ...notes(path));
}

/** This and the notes are a few microseconds in a folder in memory, shorter than the thread pool's turns. */
function notes(path: string): number[] {
  const prefix = `${basename(path)}.`;
  return namesIn(dirname(path))
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .filter((rest) => /^[1-9]\d{0,14}$/.test(rest))
    .map(Number);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    return nothingThere(cause, []);
  }
}

/** Only what is not there counts as absent: a claim that could not be read may be somebody's. */
function nothingThere<T>(cause: unknown, absent: T): T {
  const code = codeOf(cause);
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return absent;
  throw new SessionError('STATE_UNWRITABLE', 'the claims on the session could not be read', { cause });
}

async function isTaken(path: string, number: number): Promise<boolean> {
  const note = await readNote(`${path}.${number}`);
  if (note === undefined || !('pid' in note)) return false;
  const { socket } = note;
  return socket === undefined ? await isAlive(note) : await isHolding(note, socket);
}

async function isHolding(owner: ProcessIdentity, socket: string): Promise<boolean> {
  if (isOfEarlierBoot(owner)) return false;
  return isOfOtherNamespace(owner) ? mayListen(socket) : isAlive(owner);
}

async function readNote(path: string): Promise<Note | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((cause: unknown) => nothingThere(cause, undefined));
  if (file === undefined) return undefined;
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(maxNoteBytes), 0, maxNoteBytes, 0);
    return noteSchema.parse(JSON.parse(buffer.toString('utf8', 0, bytesRead)));
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

/** False when there is one of that number already. */
function makeNote(path: string, number: number, content: unknown): boolean {
  const whole = join(dirname(path), `.note-${randomBase32(12)}`);
  try {
    writeFileSync(whole, JSON.stringify(content), { flag: 'wx', mode: 0o600 });
    linkSync(whole, `${path}.${number}`);
    return true;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return false;
    throw new SessionError('STATE_UNWRITABLE', `nothing can be written beside ${path}`, { cause });
  } finally {
    removeQuietly(whole);
  }
}

function forgetOld(path: string, last: number): void {
  for (const number of notes(path)) {
    if (number <= last) removeQuietly(`${path}.${number}`);
  }
}

/** A file too many does no harm, and a claim that was made is made. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Left for prune.
  }
}
