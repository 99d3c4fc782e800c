import { classOf } from '../../policy/egress/address.js';
import { readHost } from '../../policy/egress/host.js';
import { parseRule } from '../../policy/egress/rule.js';
import type { LockFormat } from './formats.js';

/** Different ones of one file that are looked at, before they are read as hosts. */
const mostPlaces = 1000;
const authority = /^(?:(https?):\/\/)?(?:[^@]*@)*(\[[^[\]@]*\]|[^[\]:@]*)(?::(\d{1,5}))?$/i;

/**
 * The canonical rules for the places that the text of a lock file names; `isWhole` is false where there are more of them. Whatever a project
 * writes there: no pattern, no network, no user, and neither an address nor a name of what is near comes of it.
 */
export function placesIn(text: string, { places, comments }: Pick<LockFormat, 'places' | 'comments'>) {
  const found = new Set<string>();
  let isWhole = true;
  for (const match of (comments === undefined ? text : text.replace(comments, '')).matchAll(places)) {
    if (match[1] === undefined || found.has(match[1])) continue;
    isWhole = found.size < mostPlaces;
    if (!isWhole) break;
    found.add(match[1]);
  }
  return { rules: [...new Set([...found].flatMap(ruleFor))], isWhole };
}

function ruleFor(place: string): readonly string[] {
  const [, scheme = 'https', raw, port] = authority.exec(place) ?? [];
  const reading = raw === undefined ? undefined : readHost(raw);
  if (reading === undefined || 'problem' in reading) return [];
  const { host } = reading;
  if (host.kind === 'name' ? !host.text.includes('.') : classOf(host.address) !== 'public') return [];
  const text = host.text.includes(':') ? `[${host.text}]` : host.text;
  const rule = parseRule(`${scheme}://${text}${port === undefined ? '' : `:${port}`}`, { openAllowed: false });
  return 'rule' in rule ? [rule.rule.text] : [];
}
