/** When something counts as alarming; percentages are of the limit or of the time that the name speaks of. */
export interface AlarmThresholds {
  /** CPU quota periods in which the session was held back. */
  readonly throttledPercent: number;
  readonly throttledForMs: number;
  /** Processes, of their limit. */
  readonly pidsPercent: number;
  /** Time in which something in the session waited for memory (PSI). */
  readonly memoryPressurePercent: number;
  /** Memory in use, of its limit, where the kernel keeps no pressure. */
  readonly memoryPercent: number;
  readonly memoryForMs: number;
  /** Time in which something on the host waited for a processor or for memory, while one session uses half of either. */
  readonly hostPressurePercent: number;
  readonly hostPressureForMs: number;
  /** Refusals by policy to one process within the time below. */
  readonly denials: number;
  readonly denialsWithinMs: number;
  /** Calls within the same time that name a session which their caller does not have. */
  readonly unknownSessions: number;
}
