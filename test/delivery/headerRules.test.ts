import { describe, expect, test } from '@jest/globals';
import { checkHeaderValue } from '../../src/delivery/headerRules.ts';

describe('checkHeaderValue', () => {
  test.each([['x'], ['Bearer abc.def'], ['a  b'], ['!~'], ['x'.repeat(4096)]])(
    'has nothing against %j',
    (value) => {
      expect(checkHeaderValue(value)).toBeUndefined();
    },
  );

  test.each([
    ['nothing', '', 'is empty'],
    ['a newline at the end', 'secret\n', 'ends in a newline'],
    ['a CRLF at the end', 'secret\r\n', 'ends in a newline'],
    ['a newline inside', 'secret\nX-Evil: 1', 'control character'],
    ['a tab', 'sec\tret', 'control character'],
    ['a NUL', 'sec\0ret', 'control character'],
    ['a DEL', 'sec\x7fret', 'control character'],
    ['a latin-1 letter', 's\xe9cret', 'outside ASCII'],
    ['a byte order mark', Buffer.from('\ufeffsecret').toString('latin1'), 'outside ASCII'],
    ['a no-break space at the end', 'secret\xa0', 'outside ASCII'],
    ['a space at the beginning', ' secret', 'space at an end'],
    ['a space at the end', 'secret ', 'space at an end'],
    ['4,097 characters', 's'.repeat(4097), 'longer than 4096'],
  ])('says what is wrong with %s and nothing of the value', (_name, value, want) => {
    const said = checkHeaderValue(value);

    expect(said).toContain(want);
    expect(said).not.toMatch(/secret|sec|ret\b/);
  });
});
