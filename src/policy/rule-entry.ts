/** One row of the rule table: why the rule is there, and what to do when it refuses. */
export interface RuleEntry {
  readonly reason: string;
  readonly hint: string;
}
