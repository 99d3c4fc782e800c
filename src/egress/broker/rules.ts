import { safeLine } from '../../kit/safe-text.js';

/** Every rule by which the broker refuses: what it answers, why, and what to do. `docs/broker.md` lists them. */
export const brokerRules = {
  'broker.request': {
    status: 400,
    reason: 'the request is not plain HTTP/1.1 to the broker itself, or says the same thing twice',
    hint: 'Send an ordinary request to the base URL that the environment names.',
  },
  'broker.path': {
    status: 404,
    reason: 'no rule lets this path through',
    hint: 'The broker passes model calls and what was configured, nothing else of a provider; have a rule added for it.',
  },
  'broker.method': {
    status: 405,
    reason: 'the path is there, with another method',
    hint: 'Use a method that lets it through: docs/broker.md lists those of providers, `allow` in the policy those of a route.',
  },
  'broker.query': {
    status: 400,
    reason: 'a query parameter is not one that goes on',
    hint: 'Leave the parameter out; keys never go into a URL, the broker adds the real one.',
  },
  'broker.body': {
    status: 400,
    reason: 'the body can not be looked into: not JSON, compressed, nested too deeply, or of an odd shape',
    hint: 'Send plain JSON as the API describes it.',
  },
  'broker.body-size': {
    status: 413,
    reason: 'the body is larger than what is taken',
    hint: 'Send less, or have the limit raised.',
  },
  'broker.server-tool': {
    status: 403,
    reason: "the call asks for something that runs or fetches at the provider's side, where data could leave",
    hint: 'Leave it out of the request, or have it allowed for this provider.',
  },
  'broker.repository': {
    status: 403,
    reason: 'the repository is not one that the token may be used for',
    hint: 'Have it added to the repositories of the rule.',
  },
  'broker.push': {
    status: 403,
    reason: 'the rule lets repositories be read, not written',
    hint: 'Leave pushing to a person outside, or have `push` set in the rule.',
  },
  'broker.key': {
    status: 503,
    reason: 'there is no usable key for this provider',
    hint: "Give the key to Paddock itself (create_session, the server's environment, or its key file), not to the sandbox.",
  },
  'broker.cap': {
    status: 429,
    reason: 'the session has used up what it was given',
    hint: 'Stop here, and have the cap raised if more is wanted. Calling again does not help.',
  },
  'broker.price': {
    status: 429,
    reason: 'there is a cap on cost, and what this call costs is not known',
    hint: 'Have the price of the model configured, or calls without a known price allowed.',
  },
  'broker.busy': {
    status: 429,
    reason: 'as many calls are under way as may be at once',
    hint: 'Call again when one of them has ended.',
  },
  'broker.redirect': {
    status: 502,
    reason: 'the provider answered with a redirect, which is not followed',
    hint: 'Use the address that it leads to (for git, often the same one ending in .git).',
  },
  'broker.upstream': {
    status: 502,
    reason: 'the provider could not be reached, or did not answer properly',
    hint: 'Call again; if that does not help, look at the network of the host and at the address that is configured.',
  },
  'broker.upstream-slow': {
    status: 504,
    reason: 'the provider did not answer in time',
    hint: 'Call again later.',
  },
} as const;

export type BrokerRuleId = keyof typeof brokerRules;

/** How a request is refused inside this folder; `answer.ts` writes it as a response. The detail never holds a key. */
export class BrokerRefused extends Error {
  override readonly name = 'BrokerRefused';
  readonly ruleId: BrokerRuleId;
  readonly hint: string;

  /** `detail` may quote what came from inside or from a provider: it is escaped and cut here. */
  constructor(
    ruleId: BrokerRuleId,
    detail: string,
    options: { readonly hint?: string; readonly cause?: unknown } = {},
  ) {
    super(safeLine(detail), options.cause === undefined ? undefined : { cause: options.cause });
    this.ruleId = ruleId;
    this.hint = options.hint ?? brokerRules[ruleId].hint;
  }

  get status(): number {
    return brokerRules[this.ruleId].status;
  }
}
