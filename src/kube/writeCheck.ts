import type { Dispatcher } from 'undici';
import { TransportError } from './transportError.ts';

/**
 * Refuses what would change something while `mayWrite` says no. It is asked when a request's first byte is about to be
 * written, after any wait for credentials or a connection: the process may have been frozen meanwhile.
 */
export const checkWrites =
  (mayWrite: () => boolean): Dispatcher.DispatcherComposeInterceptor =>
  (dispatch) =>
  (options, handler) => {
    if (options.method === 'GET') return dispatch(options, handler);
    const start = handler.onRequestStart?.bind(handler);
    handler.onRequestStart = (controller, context) => {
      if (mayWrite()) start?.(controller, context);
      else controller.abort(new TransportError('this process may write nothing now'));
    };
    return dispatch(options, handler);
  };
