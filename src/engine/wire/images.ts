import { z } from 'zod';
import type { ImageInfo } from '../types.js';
import { integer, optionalText, stringList, stringMap } from './values.js';

export const imageInspected = z.object({
  Id: z.string(),
  Size: integer,
  Config: z
    .object({
      User: optionalText,
      Env: stringList,
      Volumes: z.record(z.string(), z.unknown()).nullish(),
      WorkingDir: optionalText,
      Labels: stringMap,
    })
    .nullish(),
  RootFS: z.object({ Layers: stringList }).nullish(),
  Annotations: stringMap,
});

/** One line of the progress of a pull or an import; errors come as a line of a 200 answer. */
export const progress = z.object({ error: optionalText });

export function imageOf(body: z.infer<typeof imageInspected>): ImageInfo {
  return {
    id: body.Id.replace(/^sha256:/, ''),
    sizeBytes: body.Size,
    user: body.Config?.User ?? '',
    env: body.Config?.Env ?? [],
    volumes: Object.keys(body.Config?.Volumes ?? {}),
    workdir: body.Config?.WorkingDir ?? '',
    labels: body.Config?.Labels ?? {},
    layers: body.RootFS?.Layers ?? [],
    annotations: body.Annotations,
  };
}
