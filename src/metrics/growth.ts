/** What running totals of sessions have grown by since they were last seen. */
export class Growth {
  readonly #seen = new Map<string, Map<string, number>>();

  /** Never below 0: where a total has shrunk, another one has taken its place. */
  of(session: string, what: string, total: number): number {
    const totals = this.#seen.get(session) ?? new Map<string, number>();
    this.#seen.set(session, totals);
    const grown = total - (totals.get(what) ?? 0);
    totals.set(what, total);
    return Math.max(0, grown);
  }

  forget(session: string): void {
    this.#seen.delete(session);
  }
}
