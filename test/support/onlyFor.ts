/** What is added to an endpoint's spec and to an event's metadata so that the two go to each other and to no others. */
export function onlyFor(name: string) {
  const labels = { 'only-for': name };
  return { endpoint: { match: { selector: { matchLabels: labels } } }, event: { labels } };
}
