/** The match of an endpoint that only the events labelled with `to` go to, so that tests share a namespace. */
export const matching = (to: string) => ({ selector: { matchLabels: { to } } });

/** The metadata of such an event. */
export const labelled = (to: string, more: Readonly<Record<string, unknown>> = {}) => ({
  labels: { to },
  ...more,
});
