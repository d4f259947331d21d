/** What a person would look for in `kubectl describe` of an object; it becomes a Kubernetes Event. */
export interface Notice {
  readonly type: 'Normal' | 'Warning';
  /** Why, in CamelCase. */
  readonly reason: string;
  /** What was done or failed. */
  readonly action: 'TakeUp' | 'Deliver' | 'Resolve' | 'Test' | 'Redeliver';
  /** At most 1,024 characters of printable ASCII; no secret, no query string, nothing of the receiver's. */
  readonly note: string;
}
