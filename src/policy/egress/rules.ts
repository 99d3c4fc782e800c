import type { RuleEntry } from '../rule-entry.js';

/** Those of ways out: networks, hosts, siblings and what goes through the broker. */
export const egressRules = {
  'network.mode': {
    reason: 'A network is one of Paddock’s modes; what engines know besides them joins the host or other containers.',
    hint: 'Leave network out, or set it to none, internal, allowlist or, where the site allows it, open.',
  },
  'network.not-allowed': {
    reason: "The site's policy does not let sandboxes have this network.",
    hint: 'Ask for one that is allowed, or have it added to `networks` of the site policy (/etc/paddock/policy.toml; where there is none, [policy] in ~/.config/paddock/config.toml).',
  },
  'network.option': {
    reason: 'Names, addresses, ports and links have no meaning without a network.',
    hint: 'Remove the option.',
  },
  'egress.rule': {
    reason: 'A rule of egress is no `[scheme://]host[:port]`, or its host could be read in two ways.',
    hint: 'Write it as in docs/network.md, such as `https://registry.example` or `*.example.org:8443`.',
  },
  'egress.open': {
    reason: 'A rule means every host, or nearly every address, and the site does not allow that.',
    hint: 'Name the hosts; only a site policy whose list has `*` takes it.',
  },
  'egress.ceiling': {
    reason: "A rule lets out more than the site's list of egress.",
    hint: 'Ask for what the list has, or have the rule added to `egress.allow` of the site policy (/etc/paddock/policy.toml; where there is none, [policy] in ~/.config/paddock/config.toml).',
  },
  'egress.host': {
    reason: 'No rule lets this session reach that host by that scheme and port.',
    hint: 'Allow the host by a rule, such as `https://HOST`: `--allow`, `allow` of create_session, and `egress.allow` of the site policy (/etc/paddock/policy.toml; where there is none, [policy] in ~/.config/paddock/config.toml).',
  },
  'egress.host-name': {
    reason: 'A host is no name and no address in its usual spelling, so programs could disagree about what it is.',
    hint: 'Use the host name, or the address in dotted decimal.',
  },
  'egress.brokered': {
    reason: 'The host is a provider whose key is kept outside, and is reached through the credential broker only.',
    hint: 'Use the base URL that the session has been given for the provider.',
  },
  'egress.address': {
    reason: 'The address is one of the host, its networks or a cloud’s own, or hides one, and no rule names it.',
    hint: 'Allow that address or its network by a rule with the port: `--allow`, `allow` of create_session, and `egress.allow` of the site policy (/etc/paddock/policy.toml; where there is none, [policy] in ~/.config/paddock/config.toml).',
  },
  'egress.server-name': {
    reason: 'The TLS handshake names another host than the connection was asked for, or none.',
    hint: 'Connect to the host by the name that TLS uses.',
  },
  'egress.protocol': {
    reason: 'What is sent is not what the rules allow on this port: TLS for https, requests for http.',
    hint: 'Use the protocol of the rule, or have a rule with tcp:// and the port.',
  },
  'egress.request': {
    reason: 'An HTTP request is malformed, or could be read as two.',
    hint: 'Send a plain request; a proxy client of curl’s kind does.',
  },
  'egress.command': {
    reason: 'Of SOCKS only version 5 and connections to the outside are offered.',
    hint: 'Use SOCKS5 CONNECT with names resolved by the proxy (socks5h), or the HTTP proxy.',
  },
  'egress.limit': {
    reason: 'The session has as many connections, or has moved as many bytes, as it may.',
    hint: 'Close connections, or use a session with more.',
  },
  'internal.ports': {
    reason: 'A port is published that is none, is one of Paddock’s own, or that no sibling could name.',
    hint: 'Write ports as 8080 or api=8080, with network internal, and give the session a name of small letters, digits and dashes.',
  },
  'internal.name-taken': {
    reason: 'Siblings know a session by its name, and another one has it.',
    hint: 'Give the session another name, or end the other one.',
  },
  'internal.session': {
    reason: 'Below `.internal` are the sessions of the same caller whose network is internal, and none has that name.',
    hint: 'Connect to NAME.internal, where NAME is the name of a running session with network internal and ports.',
  },
  'internal.elsewhere': {
    reason: 'Sessions see each other where one process holds both, and another process holds that one.',
    hint: 'Make both sessions in one MCP client, or both with `paddock create` and use each with `paddock exec` once.',
  },
  'internal.ended': {
    reason: 'The session of that name has ended.',
    hint: 'Make it anew with the same name and ports.',
  },
  'internal.port': {
    reason: 'A sibling lets others connect to the ports that it publishes, and to no other.',
    hint: 'Connect to one of those, or make that session anew with the port: `ports` of create_session, --publish.',
  },
  'agent.mcp-secret': {
    reason:
      'What is in a sandbox can be read by everything in it, and this configuration of MCP servers seems to hold a secret.',
    hint: 'Leave the secret out, or say mcpSecretsAllowed (--mcp-secrets) if everything in the sandbox may have it.',
  },
  'broker.provider': {
    reason: "The site's policy does not let sandboxes call this provider's models.",
    hint: 'Leave it out of `providers`, and its key out of the request, or have it added to `[broker] providers` of the site policy.',
  },
  'broker.git': {
    reason: "The site's policy has no token for this git host.",
    hint: 'Leave it out of `git`, or have it added to the site policy: `[broker.git."HOST"]` with `token = "VARIABLE"` (/etc/paddock/policy.toml; where there is none, `[policy.broker.git."HOST"]` in ~/.config/paddock/config.toml).',
  },
  'broker.route': {
    reason: "The site's policy has no route of this name.",
    hint: 'Leave it out of `routes`, or have it added to the site policy: `[broker.routes.NAME]` (/etc/paddock/policy.toml; where there is none, `[policy.broker.routes.NAME]` in ~/.config/paddock/config.toml).',
  },
} as const satisfies Record<string, RuleEntry>;
