import { z } from 'zod';

/** As kubelets' runtimes take a profile from a file (the runtime specification's LinuxSeccomp). */
export interface RuntimeSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number | undefined;
  readonly architectures: readonly string[];
  readonly syscalls: readonly Readonly<Record<string, unknown>>[];
}

export const machines = { amd64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' } as const;
export type Machine = keyof typeof machines;

const engineProfile = z.strictObject({
  defaultAction: z.string(),
  defaultErrnoRet: z.number().optional(),
  archMap: z.array(z.strictObject({ architecture: z.string(), subArchitectures: z.array(z.string()) })),
  syscalls: z.array(
    z.strictObject({
      names: z.array(z.string()),
      action: z.string(),
      errnoRet: z.number().optional(),
      args: z.array(z.unknown()).optional(),
      includes: z.strictObject({ arches: z.array(z.string()) }).optional(),
    }),
  ),
});

/**
 * A profile of ours for one kind of machine. containerd reads the file as the runtime gets it and knows neither `archMap` nor `includes`, which it would
 * drop without a word: a rule that is meant for one kind of machine would hold on all.
 */
export function runtimeSeccomp(engineJson: string, machine: Machine): RuntimeSeccomp {
  const { defaultAction, defaultErrnoRet, syscalls } = engineProfile.parse(JSON.parse(engineJson));
  return {
    defaultAction,
    defaultErrnoRet,
    architectures: [machines[machine]],
    syscalls: syscalls
      .filter(({ includes }) => includes === undefined || includes.arches.includes(machine))
      .map((rule) => Object.fromEntries(Object.entries(rule).filter(([key]) => key !== 'includes'))),
  };
}
