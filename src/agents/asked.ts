import { ConfigError } from '../core/errors.js';
import { safeLine } from '../kit/safe-text.js';
import type { AgentRequest, Places, Provider } from './types.js';

/** Ids of sessions as most agents make them. */
export const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The agents' command lines and configuration are made of these values: none of them may begin like an option or hold
 * what ends a line. BAD_ARGUMENT otherwise, and for what can not be had together.
 */
export function checkRequest(request: AgentRequest, sessionIds: RegExp): void {
  const { model, smallModel, resume, allowedTools, maxTurns, bedrock } = request;
  for (const [name, value] of Object.entries({
    model,
    smallModel,
    'bedrock.model': bedrock?.model,
    'bedrock.smallModel': bedrock?.smallModel,
  })) {
    // Bedrock's are whole resource names (arn:…), Claude Code has opus[1m].
    if (value !== undefined && !/^[A-Za-z0-9][\w.:/@[\]-]{0,255}$/.test(value))
      bad(`${name} is no name of a model`, value);
  }
  if (bedrock !== undefined && !/^[a-z]{2}(?:-[a-z]+){1,3}-\d$/.test(bedrock.region))
    bad('bedrock.region is no region', bedrock.region);
  if (resume !== undefined && !sessionIds.test(resume)) bad('resume is no session id of this agent', resume);
  for (const tool of allowedTools ?? []) {
    if (!/^[A-Za-z][^\p{Cc},]{0,255}$/u.test(tool)) bad('allowedTools has what is no name of a tool', tool);
  }
  if (allowedTools !== undefined && !request.strictPermissions) {
    bad('allowedTools needs strictPermissions: without it the agent may use every tool');
  }
  if (maxTurns !== undefined && !(Number.isInteger(maxTurns) && maxTurns >= 1 && maxTurns <= 10_000)) {
    bad('maxTurns is a whole number from 1 to 10000');
  }
  if (request.prompt.trim() === '') bad('the prompt is empty');
}

/** The base address of a provider inside; BAD_ARGUMENT where none was set up. */
export function placeOf(places: Places, provider: Provider): string {
  const place = places[provider];
  if (place === undefined) bad(`no credential for ${provider} was set up, which this run needs`);
  return place.replace(/\/+$/, '');
}

/** What an agent has nothing for. */
export function unsupported(title: string, what: string): never {
  bad(`${title} has no ${what}`);
}

function bad(problem: string, value?: string): never {
  throw new ConfigError('BAD_ARGUMENT', value === undefined ? problem : `${problem}: ${safeLine(value, 80)}`);
}
