import { z } from 'zod';
import type { SandboxSpec } from '../core/spec.js';

export const profileFields = {
  /** The named set of defaults that it was made with; absent in sessions of older versions. */
  profile: z.string().optional(),
};

export function viewProfile({ profile }: Pick<SandboxSpec, 'profile'>): { readonly profile?: string } {
  return profile === undefined ? {} : { profile };
}

/** For the line that says what a session is. */
export function profileText({ profile }: { readonly profile?: string | undefined }): string {
  return profile === undefined ? '' : `profile ${profile}, `;
}
