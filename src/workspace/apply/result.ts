/** Why a change was left alone, and what to do about it. Ids are stable: callers and docs/apply.md use them. */
export const conflicts = {
  'changed-inside': 'The session has changed it since it was reviewed: review it again.',
  'changed-outside':
    'The project has changed there since the session began, and there is no copy from before to merge with: compare both, then name it in overwrite to take the version of the session.',
  exists:
    'The project has something else there by now: compare both, then name it in overwrite to take the version of the session.',
  gone: 'The project has nothing there any more: name it in overwrite to put the version of the session there.',
  'in-the-way': 'The project has a folder there: move it away, then apply again.',
  parent: 'What it lies in is no folder in the project: apply the change of that one as well.',
  'not-empty':
    'The folder has something in it that is not removed with it: apply those removals too, or look at what was added.',
  unwritable: 'The project can not be written there: see to the permissions, then apply again.',
  unreadable: 'What the session has there can not be read: see to its permissions in the session, then apply again.',
  'link-out': 'The link may lead out of the project: make it by hand if it is wanted.',
  name: 'Its name, or where the link leads, is no plain text, so it is never applied: give it another one in the session.',
  unsupported: 'It is no file, folder or link, so it is never applied.',
} as const satisfies Record<string, string>;

export type Conflict = keyof typeof conflicts;

/** The same for whoever sits at a shell, where what to do next has another name. */
export const conflictsAtShell: Readonly<Partial<Record<string, string>>> = {
  'changed-outside':
    'The project has changed there since the session began, and there is no copy from before to merge with: compare both, then --overwrite PATH takes the version of the session.',
  exists:
    'The project has something else there by now: compare both, then --overwrite PATH takes the version of the session.',
  gone: 'The project has nothing there any more: --overwrite PATH puts the version of the session there.',
};

/** What became of one change. */
export interface Outcome {
  readonly path: string;
  /** `same`: both sides have that already. `left`: see `conflict`, or `withheld`. */
  readonly result: 'applied' | 'same' | 'left';
  readonly conflict?: Conflict;
  /** The rule that withholds it for what is in it, and what that is. */
  readonly withheld?: Withheld;
  /** SHA-256, in hex, of a file's new content, and its size. */
  readonly sha256?: string;
  readonly sizeBytes?: number;
  /** Where the project's own went when it could be neither removed nor put back. */
  readonly keptAs?: string;
}

export interface Withheld {
  readonly rule: string;
  readonly found: readonly string[];
}
