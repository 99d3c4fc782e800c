import { EngineError } from '../../core/errors.js';
import { safeText } from '../../kit/safe-text.js';
import type { BuildRequest } from '../image-types.js';
import { parseImageReference } from '../names.js';
import type { QueryValue, Transport } from '../transport/transport.js';
import { idOf, type Progress } from '../wire/images.js';
import type { Dialect } from './dialect.js';
import { followProgress, sentWhole } from './progress.js';

/** How much of the end of a build's output a failure quotes. */
const quotedChars = 1500;
/** Docker's builder puts them around what a step prints on stderr. */
const colour = /\p{Cc}\[[\d;]{0,20}m/gu;

/** The builder of one engine: Docker's classic one, and Buildah behind Podman's path of the same name. */
export class Builds {
  readonly #transport: Transport;
  readonly #dialect: Dialect;

  constructor(transport: Transport, dialect: Dialect) {
    this.#transport = transport;
    this.#dialect = dialect;
  }

  async build(request: BuildRequest, signal?: AbortSignal): Promise<string> {
    const { context, timeoutMs, onOutput } = request;
    const result = new BuildResult(onOutput);
    const call = {
      method: 'POST',
      path: `${this.#dialect.root}/build`,
      query: { ...commonQuery(request), ...(this.#dialect.kind === 'podman' ? podmanQuery : dockerQuery)(request) },
      tar: context,
      timeoutMs,
      signal,
    } as const;
    await sentWhole(context, 'image build', () => followProgress(this.#transport, call, result.take));
    return result.id();
  }
}

/** 1 is the classic builder, which needs nothing of the client; 2 would be BuildKit. */
function dockerQuery({ network }: BuildRequest): Record<string, QueryValue> {
  return { version: '1', networkmode: network === 'none' ? 'none' : 'default' };
}

/**
 * Libpod's own path, and all of these (4.3 to 5.8): over the compatible one Podman takes `networkmode=none` and gives the steps the
 * host's network all the same, and where it is rootless it can't make one of their own, since it isolates as for root. The format is
 * the only one that keeps all of a container file.
 */
function podmanQuery({ network }: BuildRequest): Record<string, QueryValue> {
  return {
    networkmode: network === 'none' ? 'NetworkDisabled' : 'NetworkEnabled',
    nsoptions: JSON.stringify([{ Name: 'network' }]),
    isolation: 'oci',
    pullpolicy: 'never',
    layers: true,
    outputformat: 'application/vnd.docker.distribution.manifest.v2+json',
  };
}

function commonQuery({ reference, containerfile, target, args }: BuildRequest): Record<string, QueryValue> {
  const { repository, tag, digest } = parseImageReference(reference);
  if (tag === undefined || digest !== undefined)
    throw new EngineError('BAD_ARGUMENT', 'a built image has a tag, no digest');
  const t = `${repository}:${tag}`;
  return { t, dockerfile: containerfile, target, buildargs: JSON.stringify(args), rm: true, forcerm: true };
}

/** What a build said: the id at its end, or why there is none. */
class BuildResult {
  readonly #onOutput: (text: string) => void;
  #id: string | undefined;
  #tail = '';

  constructor(onOutput: (text: string) => void) {
    this.#onOutput = onOutput;
  }

  readonly take = ({ error, stream, aux }: Progress): void => {
    if (error !== '') throw this.#failure(error);
    if (stream !== '') {
      const plain = stream.replaceAll(colour, '');
      this.#tail = (this.#tail + plain).slice(-quotedChars);
      this.#onOutput(plain);
    }
    this.#id = aux?.ID ?? this.#id;
  };

  /** Docker says it apart from what is printed. Podman prints it last, so that no step can print another in its place. */
  id(): string {
    const id = this.#id ?? /(?:^|\n)([0-9a-f]{64})\n$/.exec(this.#tail)?.[1];
    if (id !== undefined) return idOf(id);
    throw new EngineError('ENGINE_PROTOCOL', 'image build: the engine ended without an image and without an error');
  }

  /** What was printed comes first: the engine's own words repeat the step, which may be long. */
  #failure(error: string): EngineError {
    const words = safeText(middleCut(error.trim()), quotedChars);
    const output = safeText(this.#tail.trim(), quotedChars);
    return new EngineError('IMAGE_BUILD_FAILED', output === '' ? words : `${output}\n${words}`, {
      info: { engineWords: words },
    });
  }
}

function middleCut(text: string): string {
  return text.length <= 300 ? text : `${text.slice(0, 150)} … ${text.slice(-150)}`;
}
