import type { ChannelEnd } from '../../channel/end.js';

/** Why a sandbox ended, for people, as its channel saw it. */
export function wordsFor({ why, message }: ChannelEnd): string {
  if (why === 'killed') return 'its process 1 was killed, by the kernel for want of memory or from outside the sandbox';
  return message;
}
