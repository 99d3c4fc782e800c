import type { AuditEntry } from '../read.js';
import type { AuditRecord } from '../record.js';

/** Of the Open Cybersecurity Schema Framework, https://schema.ocsf.io/1.2.0; which fields are required is from there. */
export const ocsfVersion = '1.2.0';

const apiActivity = 6003;
const processActivity = 1007;
/** Of Process Activity, and of API Activity by the last word of the action. */
const [launch, terminate] = [1, 2];
const [create, read, update, remove, other] = [1, 2, 3, 4, 99];
const activities: Readonly<Record<string, number>> = {
  ...{ create, take: create, build: create, open: create, connect: create },
  ...{ list: read, use: read, transfer: read, read },
  ...{ update, apply: update, applied: update, answer: update },
  ...{ destroy: remove, prune: remove, expire: remove, discard: remove, remove, forget: remove },
};

export interface OcsfHost {
  readonly hostname: string;
  /** Paddock's. */
  readonly version: string;
}

/** One event: Process Activity for commands, API Activity for all else, a Base Event for a line that holds no record. */
export function ocsfEvent({ file, record, problem }: AuditEntry, host: OcsfHost): object {
  if (record === undefined) {
    const metadata = metadataOf(host, { log_name: file });
    const nothing = { activity_id: 0, category_uid: 0, class_uid: 0, type_uid: 0 };
    return { ...nothing, severity_id: 4, time: 0, message: problem, metadata };
  }
  const { time, hash, session, result, verdict } = record;
  const correlation = session === undefined ? {} : { correlation_uid: session };
  return {
    ...(record.action === 'command.run' ? processOf(record, host) : apiOf(record)),
    // Medium where policy refused, informational else.
    severity_id: verdict === 'deny' ? 3 : 1,
    ...(result === undefined ? {} : { status_id: result === 'ok' ? 1 : 2, status_code: result }),
    time: Date.parse(time),
    actor: actorOf(record),
    metadata: metadataOf(host, { uid: hash, original_time: time, log_name: file, ...correlation }),
    unmapped: unmappedOf(record),
  };
}

function processOf({ id, phase, details }: AuditRecord, { hostname }: OcsfHost): object {
  const activity = phase === 'outcome' ? terminate : launch;
  const program = programOf(details);
  return {
    ...classOf(processActivity, activity),
    device: { type_id: other, type: 'sandbox', hostname },
    process: { uid: id, ...(program === undefined ? {} : { name: program }) },
  };
}

function apiOf({ action, id, caller }: AuditRecord): object {
  const activity = activities[action.slice(action.lastIndexOf('.') + 1)] ?? other;
  return {
    ...classOf(apiActivity, activity),
    ...(activity === other ? { activity_name: action } : {}),
    api: { operation: action, ...(id === undefined ? {} : { request: { uid: id } }) },
    // On this machine: the log knows of no other.
    src_endpoint: {
      name: caller.client?.name === undefined || caller.client.name === '' ? 'local' : caller.client.name,
    },
  };
}

function classOf(classUid: number, activity: number): object {
  return {
    activity_id: activity,
    category_uid: Math.floor(classUid / 1000),
    class_uid: classUid,
    type_uid: classUid * 100 + activity,
  };
}

function actorOf({ caller }: AuditRecord): object {
  const client = caller.client && { app_name: caller.client.name };
  const credential = caller.keyHash === undefined ? {} : { credential_uid: caller.keyHash };
  return { user: { name: caller.user, uid: String(caller.uid), ...credential }, ...client };
}

function metadataOf({ version }: OcsfHost, more: object): object {
  return { version: ocsfVersion, product: { name: 'Paddock', vendor_name: 'Paddock', version }, ...more };
}

function unmappedOf({ chain, seq, phase, session, verdict, rule, details }: AuditRecord): object {
  const said = { chain, seq, phase, session, verdict, rule, details };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}

/** As `redactArgv` has it. */
function programOf(details: AuditRecord['details']): string | undefined {
  const program = details?.['program'];
  return typeof program === 'string' ? program : undefined;
}
