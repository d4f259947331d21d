import type { IncomingMessage, ServerResponse } from 'node:http';

/** The answer to a watch on its way through a proxy, line by line. */
export class WatchStream {
  readonly resource: string;
  readonly #response: ServerResponse;
  readonly #isHidden: (name: string) => boolean;
  #rest = '';
  #held: string[] | undefined;
  #ended = false;

  constructor(
    resource: string,
    answer: IncomingMessage,
    response: ServerResponse,
    isHidden: (name: string) => boolean,
  ) {
    this.resource = resource;
    this.#response = response;
    this.#isHidden = isHidden;
    answer.setEncoding('utf8').on('data', (chunk: string) => this.#take(chunk));
    answer.once('end', () => {
      this.#ended = true;
      if (!this.#held) response.end();
    });
    answer.once('error', () => this.cut());
    response.once('close', () => answer.destroy());
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const line of held) this.#response.write(line);
    if (this.#ended) this.#response.end();
  }

  /** Closes the connection in the middle of the answer. */
  cut(): void {
    this.#response.socket?.destroy();
  }

  #take(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (this.#isHidden(nameIn(line))) continue;
      if (this.#held) this.#held.push(`${line}\n`);
      else this.#response.write(`${line}\n`);
    }
  }
}

function nameIn(line: string): string {
  const { object } = JSON.parse(line) as { object?: { metadata?: { name?: string } } };
  return object?.metadata?.name ?? '';
}
