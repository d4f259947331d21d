import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

export type { Logger };

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['json', 'pretty'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** The process's logger, to standard output: messages are constants, what varies are keys. */
export function createLogger(level: LogLevel, format: LogFormat): Logger {
  const options = { level, base: undefined, timestamp: () => `,"time":"${new Date().toISOString()}"` };
  if (format === 'json') return pino(options);
  return pino(options, pretty({ colorize: process.stdout.isTTY, sync: true }));
}

/** Where an error came from: the frames of its stack, without its message, which may hold a peer's bytes. */
export function framesOf(error: unknown): string[] {
  if (!(error instanceof Error) || error.stack === undefined) return [];
  const { stack, message } = error;
  const lines = stack.slice(stack.indexOf(message) + message.length).split('\n');
  return lines.filter((line) => line.startsWith('    at ')).map((line) => line.trim());
}

/**
 * What may be said of an error: its name, its code, and its message unless that may hold a peer's bytes, as those of
 * errors with a code (Node's, undici's) and of JSON.parse do.
 */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: 'not an Error' };
  const { name, message } = error;
  if ('code' in error) return { error: name, code: error.code };
  return error instanceof SyntaxError ? { error: name } : { error: name, message };
}
