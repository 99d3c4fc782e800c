import { z } from 'zod';
import type { ImageInfo, ImageSummary } from '../image-types.js';
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

/**
 * One line of the progress of a pull, an import or a build; errors come as a line of a 200 answer. `aux` with an id ends a build
 * that came to its end: it is not text of a step, which can print whatever it likes.
 */
export const progress = z.object({
  error: optionalText,
  stream: optionalText,
  aux: z.object({ ID: z.string().optional() }).nullish(),
});

export type Progress = z.infer<typeof progress>;

export const imageList = z
  .array(
    z.object({
      Id: z.string(),
      RepoTags: stringList,
      Size: integer,
      Created: integer,
      Labels: stringMap,
    }),
  )
  .nullish()
  .transform((value) => value ?? []);

/** An image without a name is listed by Docker as `<none>:<none>`. */
export function imageSummaryOf(body: z.infer<typeof imageList>[number]): ImageSummary {
  return {
    id: idOf(body.Id),
    references: body.RepoTags.filter((name) => !name.startsWith('<none>')),
    sizeBytes: body.Size,
    createdAtMs: body.Created * 1000,
    labels: body.Labels,
  };
}

export const idOf = (id: string): string => id.replace(/^sha256:/, '');

export function imageOf(body: z.infer<typeof imageInspected>): ImageInfo {
  return {
    id: idOf(body.Id),
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
