/**
 * Labels on everything of ours in an engine. A label is a name, not a proof: images and people can forge it, so
 * ownership is decided by our own record, which holds the same nonce.
 */
export const labels = {
  session: 'dev.paddock.session',
  nonce: 'dev.paddock.nonce',
  owner: 'dev.paddock.owner',
  version: 'dev.paddock.version',
} as const;

export const labelPrefix = 'dev.paddock.';
/** Callers' labels are stored under this prefix. */
export const userLabelPrefix = 'dev.paddock.user.';
/** Container names begin with this. */
export const containerNamePrefix = 'paddock-';
