/** Whose keys the credential broker knows how to use. */
export const providerIds = ['anthropic', 'openai', 'google', 'bedrock'] as const;
export type ProviderId = (typeof providerIds)[number];

/** What programs inside have where they insist on a key: it opens nothing, and the broker takes it off again. */
export const placeholderKey = 'paddock-placeholder';
