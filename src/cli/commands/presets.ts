import { defaultKeys } from '../../config/defaults.js';
import { describeValue } from '../../config/describe.js';
import type { Config } from '../../config/load.js';
import { PaddockError } from '../../core/errors.js';
import type { Profile } from '../../core/profile.js';
import { seccompVariants } from '../../core/spec.js';
import type { CreateContext } from '../../policy/create.js';
import { type EffectiveValue, explainProfile, type ProfileExplanation } from '../../policy/profile-explained.js';
import type { CreateRequest } from '../../policy/request.js';
import { type Denied, toPolicyDenied } from '../../policy/verdict.js';
import type { CommandContext } from '../command.js';
import { createContext } from '../create-context.js';
import { report, table } from '../output.js';
import { settingsOf } from '../settings.js';
import { requestOf } from './request.js';

/** What `--profile` can name, and whether the policy lets it. */
export async function listPresets(context: CommandContext) {
  const config = await settingsOf(context);
  const policy = createContext(config);
  const document = config.profiles.map((profile) => {
    const { name, description, path, isShipped } = profile;
    const refused = refusalOf(explainProfile({ profile: name }, policy));
    return { name, description, path, isShipped, isDefault: name === config.sitePolicy.defaults.profile, refused };
  });
  const rows = document.map(({ name, description, isDefault, refused }) => [
    name,
    refused === undefined ? (isDefault ? 'where none is named' : '') : `not here: ${refused.ruleId}`,
    description,
  ]);
  return { document, text: table(rows) };
}

/** What a session with the profile and with these options would have, and where each value comes from. */
export async function showPreset(context: CommandContext, name: string, others: readonly string[]): Promise<number> {
  const { config, profile } = await profileOf(context, name, others);
  const { explained, refused } = explain(requestFor(context, name), createContext(config));
  const values = explained.values.map((value) => ({
    name: fileWords.get(value.key),
    ...value,
    text: say(value, value.value),
  }));
  const { description, path, isShipped } = profile;
  const { require, notes } = explained;
  const text = [
    `${name}: ${description}`,
    `  ${isShipped ? 'comes with Paddock' : 'of this site'}${path === undefined ? '' : `, ${path}`}`,
    ...(refused === undefined
      ? []
      : [`  not to be had here: ${refused.reason} [rule ${refused.ruleId}]`, `  next: ${refused.hint}`]),
    table([
      ['SETTING', 'VALUE', 'FROM'],
      ...values.map((value) => [value.name ?? value.key, value.text, fromText(value)]),
    ]),
    table([['REQUIRED', 'BY'], ...require.map((one) => [requirementText(one), one.origin])]),
    ...notes.map((note) => `note: ${note}`),
  ].join('\n');
  await report(context, { name, description, path, isShipped, refused, values, require, notes }, text);
  return 0;
}

/** 0: the policy lets it be asked for, with these options. */
export async function checkPreset(context: CommandContext, name: string, others: readonly string[]): Promise<number> {
  const { config } = await profileOf(context, name, others);
  const refused = refusalOf(explainProfile(requestFor(context, name), createContext(config)));
  const text =
    refused === undefined
      ? `${name}: the policy allows it; whether the kernel confirms what it requires shows with each session`
      : `${name}: ${refused.reason} [rule ${refused.ruleId}]\n  next: ${refused.hint}`;
  await report(context, { name, ok: refused === undefined, refused }, text);
  return refused === undefined ? 0 : 1;
}

async function profileOf(
  context: CommandContext,
  name: string,
  others: readonly string[],
): Promise<{ readonly config: Config; readonly profile: Profile }> {
  const config = await settingsOf(context);
  const profile = config.profiles.find((one) => one.name === name);
  if (profile !== undefined) return { config, profile };
  const known = [...config.profiles.map((one) => one.name), ...others];
  throw new PaddockError('BAD_ARGUMENT', `there is no profile ${name}; name one of ${known.join(', ')}`);
}

function requestFor(context: CommandContext, profile: string): CreateRequest & { profile: string } {
  // Judged by the policy like any other, whatever is in it.
  return { ...(requestOf(context) as CreateRequest), profile };
}

type Refused = Pick<Denied, 'ruleId' | 'reason' | 'hint'>;

function refusalOf(explained: ProfileExplanation | Denied): Refused | undefined {
  if (explained.verdict === 'allow') return undefined;
  const { ruleId, reason, hint } = explained;
  return { ruleId, reason, hint };
}

/** A profile that this site does not allow is shown as it would be, with the refusal; what is refused besides is an error. */
function explain(
  request: CreateRequest & { profile: string },
  context: CreateContext,
): { readonly explained: ProfileExplanation; readonly refused: Refused | undefined } {
  const asIs = explainProfile(request, context);
  if (asIs.verdict === 'allow') return { explained: asIs, refused: undefined };
  const sitePolicy = { ...context.sitePolicy, profiles: ['*'], seccomp: seccompVariants };
  const opened = explainProfile(request, { ...context, sitePolicy });
  if (opened.verdict === 'deny') throw toPolicyDenied(opened);
  return { explained: opened, refused: refusalOf(asIs) };
}

/** As profiles and settings call them. */
const fileWords = new Map<string, string>(Object.entries(defaultKeys).map(([name, key]) => [key, name]));

function say({ key }: EffectiveValue, value: string | number): string {
  return key === 'cpuMillis' ? String(Number(value) / 1000) : describeValue(key, value);
}

function fromText(value: EffectiveValue): string {
  const { origin, lowered } = value;
  return lowered === undefined ? origin : `${origin}, lowered from ${say(value, lowered.from)} by ${lowered.by}`;
}

function requirementText({ control, here }: ProfileExplanation['require'][number]): string {
  return control === 'host-lsm' ? `${control} (here: ${here.join(', ') || 'none'})` : control;
}
