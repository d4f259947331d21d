import { pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

export type { Logger };

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['json', 'pretty'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** The process's logger, to standard error's neighbour standard output: messages are constants, what varies are keys. */
export function createLogger(level: LogLevel, format: LogFormat): Logger {
  const options = { level, base: undefined, timestamp: () => `,"time":"${new Date().toISOString()}"` };
  return format === 'pretty' ? pino(options, pretty({ colorize: process.stdout.isTTY, sync: true })) : pino(options);
}

/** What may be said of an error: its class and message for our own errors, else its code. Peers' bytes never get in. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: 'not an Error' };
  const { name, message } = error;
  const code = 'code' in error ? error.code : undefined;
  return { error: name, message, ...(code === undefined ? {} : { code }) };
}
