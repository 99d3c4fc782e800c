/** What a key of that name is asked to be: it may read, and has no folder. */
export const wish = (name: string) => ({
  name,
  tools: ['read'],
  ceiling: { roots: [], readWriteAllowed: false, allow: [], providers: [], ceilings: {} },
  quota: { callsPerMinute: 1, createsPerHour: 1, sessions: 1 },
});
