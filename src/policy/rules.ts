/** One row of the rule table: why the rule is there, and what to do when it refuses. */
export interface RuleEntry {
  readonly reason: string;
  readonly hint: string;
}

/**
 * Every rule that can refuse a request. Ids are stable: callers, audit logs and `docs/policy.md` use them, and a test
 * holds this table and that document against each other.
 */
export const rules = {
  'request.invalid': {
    reason: 'An argument has the wrong type or shape.',
    hint: 'Correct the named argument; the tool schema lists every one.',
  },
  'request.unknown-key': {
    reason: 'An argument is not known, and nothing a caller sends is ignored.',
    hint: 'Remove it or correct its spelling.',
  },
  'request.shape': {
    reason: 'The request is not plain JSON of a sane size and depth, or holds a key that could reach a prototype.',
    hint: 'Send a smaller, flatter JSON object.',
  },
  'request.text': {
    reason: 'A text holds NUL, a newline or another control character, or is too long.',
    hint: 'Send the text without control characters, within the length the message names.',
  },
  'request.conflict': {
    reason: 'The same thing is asked for twice with different values.',
    hint: 'Ask for it once, either as an argument or in dockerOpts.',
  },
  'profile.unknown': {
    reason: 'No profile has this name.',
    hint: '`paddock profiles list` shows every profile; leave it out for the usual one.',
  },
  'profile.not-allowed': {
    reason: "The site's policy does not let this profile be asked for.",
    hint: 'Name one that is allowed, or have it added to `profiles` of the site policy (/etc/paddock/policy.toml; where there is none, [policy] in ~/.config/paddock/config.toml).',
  },
  'image.reference': {
    reason: 'An image must be `host` or a fully qualified reference with a tag or digest: short names are guesses.',
    hint: 'Write registry/name:tag or registry/name@sha256:…, for example docker.io/library/node:22.',
  },
  'image.not-allowed': {
    reason: "The site's policy does not list this image.",
    hint: 'Use the host image, or add this one to the site policy: `images = ["REFERENCE"]` (/etc/paddock/policy.toml; where there is none, [policy] in ~/.config/paddock/config.toml).',
  },
  'image.not-pinned': {
    reason: "The site's policy wants images of registries named by digest: what a tag means can change at any time.",
    hint: 'Write registry/name@sha256:…, or registry/name:tag@sha256:…; `podman image inspect` and `docker image inspect` show RepoDigests.',
  },
  'image.scan-missing': {
    reason: "The site's policy wants images scanned, and no scan of this one says anything.",
    hint: 'Scan it: `paddock image scan REFERENCE`, or have it listed in `images.unscanned` of the site policy (docs/scanning.md).',
  },
  'image.scan-age': {
    reason:
      "The scan of the image is older than the site's policy allows: what is known of its packages grows by the day.",
    hint: 'Scan it again: `paddock image scan REFERENCE`.',
  },
  'image.scan-severity': {
    reason: "The image has worse vulnerabilities than the site's policy allows.",
    hint: '`paddock image scan REFERENCE --last` lists them, with the versions that repair them; rebuild the image on a newer base, and scan that.',
  },
  'image.annotation': {
    reason: 'The image carries an annotation that an engine would hand to the OCI runtime or to systemd.',
    hint: 'Rebuild the image without run.oci.*, io.podman.*, org.systemd.* and krun.* annotations.',
  },
  'image.env': {
    reason: "An environment entry of the image would copy variables of the engine's own process.",
    hint: 'Rebuild the image with every environment entry as NAME=value.',
  },
  'image.build-name': {
    reason:
      'An image that is built here gets a name below localhost/: under another it would pass for that of a registry.',
    hint: 'Name it localhost/NAME:TAG.',
  },
  'image.build-network': {
    reason: "The steps of a build reach the network only where the site's policy allows pulling images.",
    hint: 'Build from a base that has all that is needed (docs/images.md), or set `pull = true` in the site policy (/etc/paddock/policy.toml; where there is none, [policy] in ~/.config/paddock/config.toml).',
  },
  'workspace.no-project': {
    reason: 'A workspace needs a project folder.',
    hint: 'Give projectPath, or set workspace to none.',
  },
  'workspace.read-write': {
    reason: "The site's policy does not allow sandboxes to write to host folders.",
    hint: 'Ask for workspace ro, and readOnly mounts.',
  },
  'host-path.malformed': {
    reason: 'A host path is relative, too long, or holds a character that engines take for an option separator.',
    hint: 'Give an absolute path without `..`, comma, colon, quote, backslash or control characters.',
  },
  'path.inside': {
    reason: 'A path inside the sandbox is relative, or lies where the sandbox or the kernel keeps its own things.',
    hint: 'Give an absolute path outside /proc, /sys, /dev and the folder the message names.',
  },
  'host-folders.not-allowed': {
    reason: "The site's policy does not list this host folder for the host image.",
    hint: 'Ask for a folder that `host_folders` of the site policy covers.',
  },
  'host-folders.image': {
    reason: 'Host folders extend the host image only.',
    hint: 'Leave hostFolders out, or use image host.',
  },
  'mounts.malformed': {
    reason: 'A mount is not a plain read-only or read-write bind of a host path, or a sized tmpfs.',
    hint: 'Use mcpMounts with source, target and readOnly.',
  },
  'mounts.volume': {
    reason: 'Engine volumes can hide binds, drivers and leftovers, so none are used.',
    hint: 'Use mcpMounts for host folders and Tmpfs for scratch space.',
  },
  'mounts.overlap': {
    reason: 'Two mounts have the same target, or one would hide the other.',
    hint: 'Give every mount a target of its own.',
  },
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
  'seccomp.not-allowed': {
    reason: "The site's policy does not allow this system call filter, which opens more than the default.",
    hint: 'Leave seccomp out and name no profile that needs it, or add to the site policy: `seccomp = ["debug"]` (/etc/paddock/policy.toml; where there is none, [policy] in ~/.config/paddock/config.toml).',
  },
  'limits.malformed': {
    reason: 'A limit is not a number in its unit; zero, negative and unlimited values are not limits.',
    hint: 'Write sizes like 2g or bytes, durations like 10m, and whole numbers elsewhere.',
  },
  'limits.too-small': {
    reason: 'A limit is so small that nothing would run.',
    hint: 'Ask for at least the amount the message names.',
  },
  'memory.ceiling': { reason: "More memory than the site's policy allows.", hint: 'Ask for less memory.' },
  'memory.in-use': {
    reason: 'A sandbox holds more memory now than it would be left with, and the kernel would kill at once.',
    hint: 'Stop commands or remove files from /tmp, /var/tmp, /home/agent and /dev/shm first, or ask for more memory.',
  },
  'disk.in-use': {
    reason: 'A session has added more to the disk than it would be left with, and its commands would be ended at once.',
    hint: 'Delete what is not needed from the project on the host first, or ask for a larger disk.',
  },
  'memory.host': { reason: 'More memory than the host has would be no limit.', hint: 'Ask for less memory.' },
  'memory.swap': {
    reason: 'Swap is always off, so memory and memory+swap are the same number.',
    hint: 'Leave MemorySwap out, or set it equal to Memory.',
  },
  'cpu.ceiling': { reason: "More CPU time than the site's policy allows.", hint: 'Ask for fewer CPUs.' },
  'cpu.host': { reason: 'More CPUs than the host has would be no limit.', hint: 'Ask for fewer CPUs.' },
  'cpu.shares-ceiling': { reason: "More CPU weight than the site's policy allows.", hint: 'Ask for fewer CpuShares.' },
  'pids.ceiling': { reason: "More processes than the site's policy allows.", hint: 'Ask for fewer pids.' },
  'nofile.ceiling': { reason: "More open files than the site's policy allows.", hint: 'Ask for a lower nofile.' },
  'fsize.ceiling': { reason: "Larger files than the site's policy allows.", hint: 'Ask for a lower fsize.' },
  'disk.ceiling': { reason: "More disk space than the site's policy allows.", hint: 'Ask for less disk.' },
  'shm.ceiling': { reason: "More shared memory than the site's policy allows.", hint: 'Ask for a smaller ShmSize.' },
  'tmpfs.ceiling': {
    reason: "All tmpfs together are larger than the site's policy allows.",
    hint: 'Ask for smaller tmpfs sizes.',
  },
  'tmpfs.memory': {
    reason: 'Full tmpfs and shared memory would leave less than a quarter of the memory to the processes.',
    hint: 'Ask for smaller tmpfs and ShmSize, at most three quarters of the memory together, or for more memory.',
  },
  'tmpfs.option': {
    reason: 'A tmpfs option is unknown or would loosen the mount (suid, dev, exec where it is not needed).',
    hint: 'Use size=, mode=, exec or noexec, rw, nosuid and nodev.',
  },
  'lifetime.ceiling': {
    reason: "A longer lifetime than the site's policy allows.",
    hint: 'Ask for a shorter lifetime.',
  },
  'idle.ceiling': {
    reason: "A longer idle timeout than the site's policy allows.",
    hint: 'Ask for a shorter idleTimeout.',
  },
  'changes.keep-ceiling': {
    reason: "Changes would be kept for longer than the site's policy allows.",
    hint: 'Ask for a shorter keepChanges.',
  },
  'timeout.ceiling': { reason: "A longer timeout than the site's policy allows.", hint: 'Ask for a shorter timeout.' },
  'ulimits.unsupported': {
    reason: 'Only nofile, nproc, fsize and core 0 can be set.',
    hint: 'Remove the other ulimits.',
  },
  'env.malformed': {
    reason:
      'An environment entry without `=` or with `*` would copy variables from the engine; odd names break shells.',
    hint: 'Write NAME=value with a name of letters, digits and underscores.',
  },
  'env.reserved': { reason: 'Names beginning with PADDOCK_ are ours.', hint: 'Use another name.' },
  'labels.malformed': {
    reason: 'A label name or value has odd characters or is too long.',
    hint: 'Use letters, digits and . _ - / in names, and one line of text in values.',
  },
  'labels.reserved': {
    reason: 'Labels beginning with dev.paddock. say whose a sandbox is.',
    hint: 'Use another name.',
  },
  'name.malformed': {
    reason: 'A session or host name has odd characters or is too long.',
    hint: 'Use up to 63 letters, digits, dots, dashes and underscores.',
  },
  'docker-opts.unknown-key': {
    reason: 'An option is not one of Docker’s that Paddock knows, and nothing is ignored.',
    hint: 'Remove it or correct its spelling.',
  },
  'docker-opts.duplicate-key': {
    reason:
      'The same option stands there twice, in two casings or flat and nested, so readers could disagree about it.',
    hint: 'Write each option once.',
  },
  'docker-opts.value': { reason: 'An option has the wrong type or form.', hint: 'Write it as Docker’s API does.' },
  'docker-opts.privileged': {
    reason: 'A privileged container is no sandbox.',
    hint: 'Remove Privileged; there is no switch that turns the fence off.',
  },
  'docker-opts.namespace': {
    reason: 'Every sandbox has namespaces of its own.',
    hint: 'Remove the option.',
  },
  'docker-opts.device': { reason: 'No device of the host is shown to a sandbox.', hint: 'Remove the option.' },
  'docker-opts.capability': { reason: 'All capabilities are dropped.', hint: 'Remove CapAdd.' },
  'docker-opts.read-only-root': {
    reason: 'The root of a sandbox is always read-only.',
    hint: 'Remove ReadonlyRootfs, and add Tmpfs where something must be writable.',
  },
  'docker-opts.user': {
    reason: 'Commands run as the one sandbox user, whose files belong to the caller.',
    hint: 'Remove User, or write agent.',
  },
  'docker-opts.group-add': { reason: 'Extra groups widen what a sandbox can read.', hint: 'Remove GroupAdd.' },
  'docker-opts.process-one': {
    reason: 'Process 1 is ours: it reaps, and ends the sandbox at its deadline. Commands are run by exec.',
    hint: 'Remove the option and run the command in the session.',
  },
  'docker-opts.lifecycle': {
    reason: 'Sandboxes never restart and are always removed at their end.',
    hint: 'Remove the option; use lifetime to say how long a sandbox may live.',
  },
  'docker-opts.healthcheck': { reason: 'Health checks run commands nobody asked for.', hint: 'Remove Healthcheck.' },
  'docker-opts.runtime': {
    reason: 'The option picks or steers the OCI runtime, whose settings can undo the sandbox.',
    hint: 'Remove the option.',
  },
  'docker-opts.log': {
    reason: 'A log driver or id file makes the engine write to host paths.',
    hint: 'Remove the option; session logs come from Paddock.',
  },
  'docker-opts.sysctl': { reason: 'Kernel settings are not for sandboxes to change.', hint: 'Remove Sysctls.' },
  'docker-opts.storage': {
    reason: 'Of the storage options only size can be kept without root; the others would be accepted without effect.',
    hint: 'Leave StorageOpt out, or write {"size": "10g"}; it says the same as disk.',
  },
  'docker-opts.oom': {
    reason: 'A sandbox may not escape the out-of-memory killer.',
    hint: 'Remove the option.',
  },
  'docker-opts.resource': {
    reason: 'This resource setting is not applied in this version, and accepting it would pretend it was.',
    hint: 'Remove it; memory, CPU, pids, ulimits and tmpfs sizes can be set.',
  },
  'docker-opts.masked-paths': {
    reason: 'The list of hidden kernel files is fixed.',
    hint: 'Remove the option.',
  },
  'security-opt.no-new-privileges': { reason: 'no-new-privileges is always on.', hint: 'Remove the entry.' },
  'security-opt.seccomp': {
    reason: "The seccomp profile is the site's choice.",
    hint: 'Remove the entry; seccomp of the request chooses one of Paddock’s.',
  },
  'security-opt.apparmor': { reason: "The AppArmor profile is the site's choice.", hint: 'Remove the entry.' },
  'security-opt.label': { reason: "SELinux labels are the site's choice.", hint: 'Remove the entry.' },
  'security-opt.mask': { reason: 'The list of hidden kernel files is fixed.', hint: 'Remove the entry.' },
  'security-opt.proc': { reason: 'How /proc and /sys are shown is fixed.', hint: 'Remove the entry.' },
  'security-opt.cgroup': { reason: 'Writable cgroups would let a sandbox lift its limits.', hint: 'Remove the entry.' },
  'security-opt.unknown': {
    reason: 'The entry is not a security option that Paddock knows.',
    hint: 'Remove it; no-new-privileges is the only one that may stand there.',
  },
  'exec.command': {
    reason: 'A command is either an argv or one shell line, within size limits and without NUL.',
    hint: 'Give argv (a list of texts) or command (one shell line), not both.',
  },
  'exec.stdin': {
    reason: 'Standard input is text or bytes up to 8 MiB.',
    hint: 'Send less, or put a file there first.',
  },
  'exec.output': {
    reason: 'An output cap is outside its range.',
    hint: 'Ask for a cap within the range in the message.',
  },
} as const satisfies Record<string, RuleEntry>;

export type RuleId = keyof typeof rules;
