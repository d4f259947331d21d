import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { errorFields, framesOf } from '../../src/telemetry/log.ts';

/** What a process of its own writes to standard output. */
function outputOf(script: string): string {
  const module = new URL('../../src/telemetry/log.ts', import.meta.url).href;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--input-type=module',
      '-e',
      `import { createLogger } from '${module}';\n${script}`,
    ],
    { encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  return stdout;
}

test('a line of the log is JSON: level, time in RFC 3339, the keys, the message, and nothing of the host', () => {
  const line: unknown = JSON.parse(
    outputOf(`createLogger('info', 'json').info({ key: 'shop/a' }, 'working');`),
  );

  expect(line).toEqual({
    level: 30,
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    key: 'shop/a',
    msg: 'working',
  });
});

test('what is below the level is not written', () => {
  const script = `const log = createLogger('warn', 'json'); log.info('quiet'); log.warn('loud');`;

  expect(outputOf(script)).toMatch(/^[^\n]*"msg":"loud"[^\n]*\n$/);
});

test('pretty lines are for people, without colours where nobody sees them', () => {
  const text = outputOf(`createLogger('info', 'pretty').info({ key: 'shop/a' }, 'working');`);

  expect(text).toMatch(/INFO.*: working\n\s+key: "shop\/a"\n/);
  expect(text).not.toContain('\u001b');
});

class OwnError extends Error {
  override readonly name = 'OwnError';
}

test.each<[what: string, error: unknown, want: object]>([
  ['an error of ours', new OwnError('words'), { error: 'OwnError', message: 'words' }],
  ['a bug', new TypeError('x is undefined'), { error: 'TypeError', message: 'x is undefined' }],
  [
    "an error with a code, whose message may be the peer's",
    Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:80'), { code: 'ECONNREFUSED' }),
    { error: 'Error', code: 'ECONNREFUSED' },
  ],
  ["JSON.parse's, which shows what it read", parseError('s3cret'), { error: 'SyntaxError' }],
  [
    'a cause, which is left out',
    new OwnError('words', { cause: 's3cret' }),
    { error: 'OwnError', message: 'words' },
  ],
  ['something else that was thrown', 's3cret', { error: 'not an Error' }],
  ['nothing', undefined, { error: 'not an Error' }],
])('of an error may be logged: %s', (_what, error, want) => {
  expect(errorFields(error)).toEqual(want);
});

function parseError(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
}

test('the frames of an error tell where it came from, and nothing of its message', () => {
  const frames = framesOf(new Error('swordfish\n    at the beginning of a line'));
  expect(frames[0]).toMatch(/log\.test\.ts/);
  expect(framesOf('no error')).toEqual([]);
});
