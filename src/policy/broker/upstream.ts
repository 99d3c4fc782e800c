const loopback = /^(?:127(?:\.\d{1,3}){3}|localhost|\[::1\])$/;

/**
 * What is wrong with the address of somewhere that a key goes to: it is https, or plain http where it stays on this machine, without user,
 * query or fragment. Undefined: nothing. The words hold nothing of the address, which may have a key in it.
 */
export function upstreamProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'is no URL';
  const url = new URL(text);
  const isPlain = url.protocol === 'http:' && loopback.test(url.hostname);
  if (url.protocol !== 'https:' && !isPlain) return 'must be https (http only for this machine itself)';
  if (url.username !== '' || url.password !== '') return 'holds a user or password, which belong elsewhere';
  if (url.search !== '' || url.hash !== '') return 'holds a query or a fragment';
  return undefined;
}
