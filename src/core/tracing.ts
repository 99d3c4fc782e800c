/** Which calls are traced, as `OTEL_TRACES_SAMPLER` has it; `parentbased_`: as the caller does, and for those who say nothing the rest of the name. */
export const samplerNames = [
  ...(['always_on', 'always_off', 'traceidratio'] as const),
  ...(['parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'] as const),
] as const;

export type SamplerName = (typeof samplerNames)[number];
