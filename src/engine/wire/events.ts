import { z } from 'zod';
import type { EngineEvent } from '../types.js';
import { stringMap } from './values.js';

export const event = z.object({
  Type: z.string(),
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: stringMap }),
  time: z.number().nullish(),
  timeNano: z.number().nullish(),
});

export type EventBody = z.infer<typeof event>;

/** Podman's words for what Docker calls otherwise; its compatible endpoint translates only the first. */
const sameAction: ReadonlyMap<string, string> = new Map([
  ['died', 'die'],
  ['remove', 'destroy'],
]);

/** Both engines mix a container's labels with attributes of their own (`image`, `name`, `exitCode`): all are in `labels`. */
export function eventOf(body: EventBody): EngineEvent {
  return {
    action: sameAction.get(body.Action) ?? body.Action,
    containerId: body.Actor.ID,
    labels: body.Actor.Attributes,
    timeMs: body.timeNano ? Math.round(body.timeNano / 1e6) : (body.time ?? 0) * 1000,
  };
}
