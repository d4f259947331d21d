const RFC_3339 = /^(.+T\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;
// So that the seconds of every year of RFC 3339 have as many digits.
const OFFSET_SECONDS = 2e12;

/**
 * A time of RFC 3339 as text that sorts as the instants do, to the last digit of the fraction and whatever the zone;
 * empty where the value is no such time.
 */
export function instantOf(value: unknown): string {
  const [, seconds, fraction = '', zone] = (typeof value === 'string' && RFC_3339.exec(value)) || [];
  const milliseconds = Date.parse(`${seconds}${zone}`);
  if (Number.isNaN(milliseconds)) return '';
  return `${milliseconds / 1000 + OFFSET_SECONDS}.${fraction.replace(/0+$/, '')}`;
}
