import { safeLine } from '../../kit/safe-text.js';
import { control, type Judge, unreadable } from './control.js';

const setNames = ['inheritable', 'permitted', 'effective', 'bounding', 'ambient'] as const;

/** All five capability sets of process 1 are empty. Bounding matters too: it is what a setuid program could get. */
export const judgeCapabilities: Judge = (seen, { claims }) => {
  const asked = 'none';
  const dropped = claims.capDrop === undefined ? undefined : `dropped ${claims.capDrop.join(' ') || 'nothing'}`;
  const engine = dropped === undefined ? undefined : safeLine(dropped, 120);
  const sets = seen.status?.capabilities;
  if (sets === undefined || setNames.some((name) => sets[name] === undefined)) {
    return unreadable('capabilities', asked, engine, '/proc/PID/status');
  }
  const held = setNames.filter((name) => sets[name] !== 0n);
  if (held.length === 0) return control('capabilities', { asked, engine, kernel: 'none in any set' }, 'enforced');
  const kernel = held.map((name) => `${name} ${(sets[name] ?? 0n).toString(16)}`).join(', ');
  const usable = held.some((name) => name === 'permitted' || name === 'effective' || name === 'ambient');
  const note = 'The container keeps capabilities: it was not started from our request, or the engine ignored CapDrop.';
  return control('capabilities', { asked, engine, kernel }, usable ? 'absent' : 'degraded', note);
};

export const judgeNoNewPrivileges: Judge = (seen, { claims }) => {
  const asked = 'on';
  const engine =
    claims.securityOpt?.some((option) => option.startsWith('no-new-privileges')) === true ? 'on' : undefined;
  const value = seen.status?.noNewPrivileges;
  if (value === undefined) return unreadable('no-new-privileges', asked, engine, '/proc/PID/status');
  if (value === 1) return control('no-new-privileges', { asked, engine, kernel: 'on' }, 'enforced');
  const note = 'A setuid program inside could gain rights; the engine ignored the option.';
  return control('no-new-privileges', { asked, engine, kernel: 'off' }, 'absent', note);
};
