import { initName } from '../seccomp/profile.js';
import { control, type Judge, unreadable } from './control.js';

/**
 * Mode 2, by a filter that the engine added and that is ours. Filters are inherited, so one of the service that started the engine
 * (a systemd unit, an outer container) would look like ours: it has to be more than the parent has. Which one it is, process 1 has asked it
 * before anything else, and says by its name.
 */
export const judgeSeccomp: Judge = (seen, { info, seccomp }) => {
  const asked = `${seccomp.variant} (${seccomp.fingerprint})`;
  const engine = info === undefined ? undefined : info.seccomp ? 'supported' : 'not supported';
  const { status, parentStatus } = seen;
  if (status?.seccompMode === undefined) return unreadable('seccomp', asked, engine, '/proc/PID/status');
  const isOurs = status.name === initName(seccomp.fingerprint);
  const which = isOurs ? seccomp.fingerprint : 'not ours';
  const kernel = `mode ${status.seccompMode}, ${status.seccompFilters ?? '?'} filters, ${which}`;
  const remedy = 'Use an engine and OCI runtime built with libseccomp, without `seccomp_profile = "unconfined"`.';
  if (status.seccompMode !== 2) return control('seccomp', { asked, engine, kernel }, 'absent', remedy);
  const inherited = parentStatus?.seccompMode === 0 ? 0 : parentStatus?.seccompFilters;
  if (inherited === undefined || (inherited > 0 && status.seccompFilters === undefined)) {
    return control('seccomp', { asked, engine, kernel }, 'unknown', 'Whether the filter is inherited can not be told.');
  }
  if (inherited > 0 && (status.seccompFilters ?? 0) <= inherited) {
    return control('seccomp', { asked, engine, kernel }, 'absent', `Every filter is inherited from outside. ${remedy}`);
  }
  if (isOurs) return control('seccomp', { asked, engine, kernel }, 'enforced');
  const other =
    'There is a filter, but it does not answer as the one that was asked for: the engine left it out or changed it.';
  return control('seccomp', { asked, engine, kernel }, 'degraded', other);
};
