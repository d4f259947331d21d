import { Transport, type TransportOptions } from '../../src/kube/transport.ts';
import { systemClock } from '../../src/runtime/clock.ts';

/** A transport to a server that wants no credentials. */
export const aTransport = (server: URL, options: Partial<TransportOptions> = {}): Transport =>
  new Transport({
    server,
    clock: systemClock,
    userAgent: 'Flagpost/test',
    credentials: {
      read: () =>
        Promise.resolve({
          headers: {},
          tls: {
            ca: undefined,
            cert: undefined,
            key: undefined,
            servername: undefined,
            rejectUnauthorized: true,
          },
        }),
      forget: () => {},
    },
    ...options,
  });
