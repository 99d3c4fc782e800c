import type { SitePolicy } from '../core/site-policy.js';
import { checkReference, decideReference } from './image.js';
import { type Denied, deny, settle } from './verdict.js';

/** What a build asks for that policy has a say in. */
export interface BuildWish {
  readonly base: string;
  /** What the image is called. */
  readonly reference: string;
  readonly network: 'none' | 'engine';
}

export type BuildVerdict = { readonly verdict: 'allow'; readonly pullAllowed: boolean } | Denied;

/**
 * Decides whether an image may be built: the programs of its base run in the engine's own containers, outside of any sandbox, so the base
 * has to be one that the site lists (`image.*`).
 */
export function decideBuild({ base, reference, network }: BuildWish, policy: SitePolicy): BuildVerdict {
  return settle<BuildVerdict>(() => {
    const { pullAllowed } = decideReference(base, policy);
    checkReference(reference);
    if (!reference.startsWith('localhost/') || reference.includes('@')) {
      deny('image.build-name', `an image can not be built as ${reference}`);
    }
    if (network !== 'none' && !pullAllowed) deny('image.build-network', 'a build with a network');
    return { verdict: 'allow', pullAllowed };
  });
}
