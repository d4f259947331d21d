// The receiver of `npm run bench`, as a process of its own: it answers 200 at once, under /hang never. At /arrivals it
// gives what came since it was last asked there, at /count how much that is so far; neither counts /hang.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { monotonic } from './monotonic.ts';

export interface Arrival {
  /** `changed_by` of the payload, by which whoever created the event knows it. */
  readonly changedBy: string;
  /** When the request's header was read, by monotonic(). */
  readonly at: number;
}

let arrivals: Arrival[] = [];

const server = createServer((message, response) => {
  const at = monotonic();
  switch (message.url) {
    case '/count':
      response.end(String(arrivals.length));
      break;
    case '/arrivals':
      response.end(JSON.stringify(arrivals));
      arrivals = [];
      break;
    case '/hang':
      message.resume();
      break;
    default:
      void text(message).then((body) => {
        arrivals.push({ at, changedBy: /"changed_by":"([^"]*)"/.exec(body)?.[1] ?? '' });
        response.end();
      });
  }
});
// The operator closes idle connections after 4 s, the bare loop may keep them longer.
server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2]), '127.0.0.1');
