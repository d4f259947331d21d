import type { Clock } from './clock.ts';

/** Date is cut to the second and comes with the answer's delay; the servers of one control plane differ by a little. */
const TOLERANCE_MILLISECONDS = 2000;

/**
 * A clock whose wall time is the API server's, as far as its answers have told, carried on by the monotonic clock: what is
 * compared with the times of objects is then right, and nothing is late or early because somebody sets our own clock. Until
 * an answer has come it goes on from our own time at the start.
 *
 * @param serverTimeAtZero what the API server's clock says where the monotonic one says 0; undefined before the first answer
 */
export function createServerClock(clock: Clock, serverTimeAtZero: () => number | undefined): Clock {
  let timeAtZero = clock.now() - clock.monotonic();
  return {
    now() {
      const told = serverTimeAtZero() ?? timeAtZero;
      if (Math.abs(told - timeAtZero) > TOLERANCE_MILLISECONDS) timeAtZero = told;
      return Math.round(timeAtZero + clock.monotonic());
    },
    monotonic: () => clock.monotonic(),
    schedule: (milliseconds, callback) => clock.schedule(milliseconds, callback),
  };
}
