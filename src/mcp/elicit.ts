import type { Server } from '@modelcontextprotocol/sdk/server/index.js';

/** What a person says to something that a program wants to reach. */
export type Approval = 'once' | 'session' | 'always' | 'deny';

const patienceMs = 10 * 60_000;
const approvals: readonly Approval[] = ['once', 'session', 'always', 'deny'];

/**
 * Asks whoever sits at the client; undefined where it can't ask anybody, or breaks. To decline and to cancel are a no for good: what was not
 * said is no consent. The caller withdraws the question by the signal.
 */
export async function elicitApproval(
  server: Server,
  question: { readonly sessionId: string; readonly place: string; readonly rule: string },
  signal: AbortSignal,
): Promise<Approval | undefined> {
  if (server.getClientCapabilities()?.elicitation === undefined) return undefined;
  const answer = {
    type: 'string' as const,
    title: 'Let it through?',
    oneOf: [
      { const: 'once', title: 'This once' },
      { const: 'session', title: 'While the session lives' },
      { const: 'always', title: 'Always, also in later sessions of mine' },
      { const: 'deny', title: 'No' },
    ],
  };
  const message = `A program in the sandbox ${question.sessionId} wants to reach ${question.place}, which its allowlist does not have. The rule for the session, or for always: ${question.rule}`;
  const params = {
    message,
    requestedSchema: { type: 'object' as const, properties: { answer }, required: ['answer'] },
  };
  try {
    const { action, content } = await server.elicitInput(params, { signal, timeout: patienceMs });
    if (action !== 'accept') return 'deny';
    return approvals.find((one) => one === content?.['answer']) ?? 'deny';
  } catch {
    return undefined;
  }
}
