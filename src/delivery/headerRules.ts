const MAX_LENGTH = 4096;

/**
 * Says what is wrong with the value of a custom header that came out of a Secret, by the rule that the schema has for one
 * in the spec: printable ASCII, no space at the ends, at most 4096 characters, not empty. Each byte is one character of
 * `value` (latin1). The words follow the name of the field and hold nothing of the value.
 */
export function checkHeaderValue(value: string): string | undefined {
  if (value === '') return 'is empty; a header needs a value';
  if (/[\r\n]$/.test(value))
    return 'ends in a newline, which a header value must not; store it without (printf, not echo)';
  if (/\p{Cc}/u.test(value)) return 'has a control character, which a header value must not';
  if (/[^ -~]/.test(value)) return 'has a character outside ASCII, which a header value must not; encode it';
  if (value.startsWith(' ') || value.endsWith(' '))
    return 'has a space at an end, which a header value must not; remove it';
  if (value.length > MAX_LENGTH)
    return `is longer than ${MAX_LENGTH} characters, the most that a header value may have`;
  return undefined;
}
