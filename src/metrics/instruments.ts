import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { alertResults, outletNames } from '../alerts/outlet.js';
import { exitReasons } from '../core/exec.js';
import { alarmKinds } from '../monitor/alarms/alarm.js';
import { deniedWays } from '../monitor/alarms/denials.js';
import { canaryVerdicts } from '../monitor/canary-verdict.js';
import { spanResults } from '../tracing/span.js';
import { commandEnds, sessionEnds } from './words.js';

/** In seconds. */
const buckets = {
  command: [0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600],
  start: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30],
  life: [10, 60, 300, 900, 3600, 14_400, 28_800, 86_400],
  engine: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30],
};

export type Instruments = ReturnType<typeof allMetrics>;

/**
 * Every metric there is, in a registry of its own. Labels are words of ours, few and fixed: never a session, a host, a path, a model or
 * anything else that comes from a caller or a sandbox, of which there can be any number. What is known beforehand begins at 0, since an increase
 * from nothing is none to Prometheus.
 */
export function newInstruments(registry: Registry): Instruments {
  const counter = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Counter({ name: `paddock_${name}`, help, labelNames: [...labelNames], registers: [registry] });
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Gauge({ name: `paddock_${name}`, help, labelNames: [...labelNames], registers: [registry] });
  const seconds = (name: string, help: string, of: number[], labelNames: readonly string[] = []) =>
    new Histogram({
      name: `paddock_${name}_seconds`,
      help,
      buckets: of,
      labelNames: [...labelNames],
      registers: [registry],
    });
  const all = allMetrics({ counter, gauge, seconds });
  beginAtZero(all);
  return all;
}

function allMetrics(makers: Makers) {
  return {
    ...sessionMetrics(makers),
    ...usageMetrics(makers),
    ...trafficMetrics(makers),
    ...workingMetrics(makers),
  };
}

interface Makers {
  readonly counter: (name: string, help: string, labelNames?: readonly string[]) => Counter;
  readonly gauge: (name: string, help: string, labelNames?: readonly string[]) => Gauge;
  readonly seconds: (name: string, help: string, of: number[], labelNames?: readonly string[]) => Histogram;
}

function sessionMetrics({ counter, gauge, seconds }: Makers) {
  return {
    sessions: gauge('sessions', 'Sessions whose sandbox runs.'),
    created: counter('sessions_created_total', 'Attempts to make a session, by result: ok or an error code.', [
      'result',
    ]),
    ended: counter('sessions_ended_total', 'Sessions that ended, by reason.', ['reason']),
    startSeconds: seconds('session_start', 'How long it took to make a session.', buckets.start),
    lifeSeconds: seconds('session_life', 'How long sessions lived.', buckets.life),
    running: gauge('commands_running', 'Commands that run.'),
    commands: counter('commands_total', 'Commands that ended, by reason.', ['reason']),
    commandSeconds: seconds('command_duration', 'How long commands ran.', buckets.command),
    refusedCalls: counter('refused_calls_total', 'Calls of MCP tools that failed, by error code.', ['code']),
    denials: counter('denials_total', 'What policy refused: calls, connections, calls of models.', ['way']),
    ruleDenials: counter('rule_denials_total', 'The same, by the rule that refused.', ['rule']),
    unknownSessions: counter('unknown_sessions_total', 'Calls for a session that its caller does not have.'),
    alarms: counter('alarms_total', 'Alarms that were raised.', ['kind', 'level']),
    alerts: counter('alerts_total', 'Alarms that were sent on to somebody, by what became of it.', [
      'outlet',
      'result',
    ]),
  };
}

function usageMetrics({ counter, gauge }: Makers) {
  return {
    memory: gauge('sessions_memory_bytes', 'Memory that all sessions use.'),
    pids: gauge('sessions_pids', 'Processes and threads in all sessions.'),
    cpuSeconds: counter('sessions_cpu_seconds_total', 'Processor time of all sessions.'),
    oomKills: counter(
      'oom_kills_total',
      'Processes that the kernel killed, because the memory of their session was used up.',
    ),
    forksRefused: counter('forks_refused_total', 'Forks that failed, because their session had all its processes.'),
    periods: counter('cpu_periods_total', 'Periods of CPU quotas in which something ran.'),
    throttledPeriods: counter('cpu_throttled_periods_total', 'Those in which a session was held back.'),
    throttledSeconds: counter('cpu_throttled_seconds_total', 'Time for which sessions were held back.'),
    disk: gauge('sessions_disk_bytes', 'What all sessions have added to the disk, as last counted.'),
    diskFree: gauge('state_free_bytes', 'What is free for this user where the state folder is.'),
  };
}

function trafficMetrics({ counter, gauge }: Makers) {
  return {
    open: gauge('egress_connections', 'Connections of sessions to the outside that are open.'),
    connections: counter('egress_connections_total', 'Connections to the outside that were let through.'),
    bytes: counter('egress_bytes_total', 'Bytes over them: in goes to sessions, out comes from them.', ['direction']),
    requests: counter('broker_requests_total', 'Requests to providers of models.', ['provider']),
    tokens: counter('broker_tokens_total', 'Tokens of these.', ['provider', 'kind']),
    dollars: counter('broker_cost_dollars_total', 'What they cost, as far as prices are known.', ['provider']),
    unpriced: counter('broker_unpriced_requests_total', 'Those of unknown cost.', ['provider']),
  };
}

function workingMetrics({ counter, gauge, seconds }: Makers) {
  return {
    build: gauge('build_info', '1, with the version of Paddock.', ['version']),
    started: gauge('start_time_seconds', 'When this process began to count.'),
    records: counter('audit_records_total', 'Records written to the audit log.', ['phase']),
    auditFailures: counter('audit_failures_total', 'Records that could not be written.'),
    notForwarded: counter('audit_not_forwarded_total', 'Heads and records of the audit log that forwarding gave up.'),
    auditWritable: gauge('audit_writable', 'Whether the last record could be written.'),
    spans: counter('trace_spans_total', 'Spans of traces, by what became of them.', ['result']),
    engineRequests: counter('engine_requests_total', 'Requests to the engine, by result: ok or an error code.', [
      'operation',
      'result',
    ]),
    engineSeconds: seconds('engine_request_duration', 'How long they took.', buckets.engine, ['operation']),
    canary: gauge('canary_ok', 'Whether the last canary was as it should be; none before the first.'),
    canaryRuns: counter('canary_runs_total', 'Canaries, by what they proved.', ['result']),
    canaryTime: gauge('canary_run_timestamp_seconds', 'When that was.'),
    canaryEvery: gauge(
      'canary_interval_seconds',
      'How often this process makes one; none where it makes none by itself.',
    ),
  };
}

function beginAtZero(all: Instruments): void {
  all.created.inc({ result: 'ok' }, 0);
  for (const reason of sessionEnds) all.ended.inc({ reason }, 0);
  for (const reason of [...exitReasons, ...commandEnds]) all.commands.inc({ reason }, 0);
  for (const way of deniedWays) all.denials.inc({ way }, 0);
  for (const kind of alarmKinds) for (const level of ['warning', 'critical']) all.alarms.inc({ kind, level }, 0);
  for (const outlet of outletNames) for (const result of alertResults) all.alerts.inc({ outlet, result }, 0);
  for (const direction of ['in', 'out']) all.bytes.inc({ direction }, 0);
  for (const phase of ['intent', 'outcome', 'event']) all.records.inc({ phase }, 0);
  for (const result of spanResults) all.spans.inc({ result }, 0);
  for (const result of canaryVerdicts) all.canaryRuns.inc({ result }, 0);
  all.auditWritable.set(1);
  // What is not known yet is absent.
  for (const unknown of [all.canary, all.canaryTime, all.canaryEvery, all.diskFree]) unknown.remove();
}
