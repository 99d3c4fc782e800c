import { z } from 'zod';
import { ConfigError } from '../core/errors.js';
import { type SamplerName, samplerNames } from '../core/tracing.js';
import { isLoopback } from '../kit/loopback.js';
import { line } from './quantities.js';

const sampler = z.enum(samplerNames);
const ratio = z.number().min(0).max(1);
const serviceName = line.pipe(z.string().max(128));

/** The table `[tracing]` (docs/monitoring.md). */
export const tracing = z
  .strictObject({
    enabled: z.boolean().optional(),
    endpoint: line.pipe(z.string().max(1024)).optional(),
    plain_http: z.boolean().optional(),
    service_name: serviceName.optional(),
    sampler: sampler.optional(),
    ratio: ratio.optional(),
  })
  .superRefine(({ endpoint, plain_http: isPlainAllowed = false }, context) => {
    const message = endpoint === undefined ? undefined : problemOf(endpoint, isPlainAllowed);
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['endpoint'], message });
  });

/** Where traces of calls go, and of how many of them. */
export interface TracingSettings {
  /** Where spans are POSTed. */
  readonly url: string;
  readonly serviceName: string;
  readonly sampler: SamplerName;
  /** From 0 to 1, for samplers that go by it. */
  readonly ratio: number;
}

const usualEndpoint = 'http://127.0.0.1:4318';
/** Where OTLP has its traces, below an endpoint for everything. */
const tracesPath = '/v1/traces';

/**
 * Undefined: no call is traced. OpenTelemetry's own variables say what the file does not, but never that there are traces at all: they are set for
 * every program of a user, and may name places that were meant for others. Errors: BAD_CONFIG.
 */
export function tracingSettings(
  given: z.output<typeof tracing> = {},
  env: Readonly<Record<string, string | undefined>>,
): TracingSettings | undefined {
  const { endpoint, enabled = endpoint !== undefined, plain_http: isPlainAllowed = false } = given;
  if (!enabled || env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return undefined;
  const variable = <T>(name: string, schema: z.ZodType<T>): T | undefined => {
    const text = env[name]?.trim() ?? '';
    return text === '' ? undefined : parsed(name, schema, text);
  };
  const place = line.superRefine((text, context) => {
    const message = problemOf(text, isPlainAllowed);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
  const general = endpoint ?? variable('OTEL_EXPORTER_OTLP_ENDPOINT', place) ?? usualEndpoint;
  // A variable for traces alone has the whole place, as OpenTelemetry wants it.
  const whole = endpoint === undefined ? variable('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', place) : undefined;
  return {
    url: whole ?? `${general.replace(/\/+$/, '')}${tracesPath}`,
    serviceName: given.service_name ?? variable('OTEL_SERVICE_NAME', serviceName) ?? 'paddock',
    sampler: given.sampler ?? variable('OTEL_TRACES_SAMPLER', sampler) ?? 'parentbased_always_on',
    ratio: given.ratio ?? variable('OTEL_TRACES_SAMPLER_ARG', z.coerce.number().pipe(ratio)) ?? 1,
  };
}

function parsed<T>(name: string, schema: z.ZodType<T>, text: string): T {
  const { success, data, error } = schema.safeParse(text);
  if (success) return data;
  throw new ConfigError('BAD_CONFIG', `env:${name}: ${error.issues[0]?.message ?? 'is no value for it'}`, {
    info: { key: 'tracing', origin: `env:${name}` },
  });
}

/** What is wrong with a place for traces; undefined: nothing. Over plain HTTP whoever is between reads who calls what, and when. */
function problemOf(text: string, isPlainAllowed: boolean): string | undefined {
  if (!URL.canParse(text)) return 'is no URL';
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (username + password + search + hash !== '') return 'has a name, a query or a fragment in it';
  if (protocol === 'https:') return undefined;
  const isOurs = hostname === 'localhost' || isLoopback(hostname.replace(/^\[(.*)\]$/, '$1'));
  if (protocol === 'http:' && (isOurs || isPlainAllowed)) return undefined;
  return 'is neither https: nor http: of the loopback; `plain_http` of `[tracing]` allows http: elsewhere';
}
