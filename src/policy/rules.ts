import { dockerRules } from './docker/rules.js';
import { egressRules } from './egress/rules.js';
import type { RuleEntry } from './rule-entry.js';

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
    hint: 'Scan it, with a scanner that knows its packages: `paddock image scan REFERENCE`, or have it listed in `images.unscanned` of the site policy (docs/scanning.md).',
  },
  'image.scan-age': {
    reason:
      "The scan of the image is older than the site's policy allows: what is known of its packages grows by the day.",
    hint: 'Scan it again, with a database that is up to date: `paddock image scan REFERENCE`.',
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
  ...egressRules,
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
  ...dockerRules,
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
