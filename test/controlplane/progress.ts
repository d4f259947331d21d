const repeatMs = 15_000;

/** One line on stderr that says what is being waited for, and since when: rewritten on a terminal, else repeated. */
export class Progress {
  readonly #subject: string;
  readonly #start = performance.now();
  readonly #terminal = process.stderr.isTTY;
  #current = 'starting';
  #printed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(subject: string) {
    this.#subject = subject;
  }

  /** What is being waited for from now on. The line appears with the first call. */
  report(current: string): void {
    this.#current = current;
    if (this.#timer) return;
    this.#print();
    this.#timer = setInterval(() => this.#print(), this.#terminal ? 250 : repeatMs);
    this.#timer.unref();
  }

  end(result: 'done' | 'failed'): void {
    clearInterval(this.#timer);
    if (this.#printed && this.#terminal) process.stderr.write('\r\x1b[K');
    if (this.#printed) process.stderr.write(`${this.#subject}: ${result} after ${this.#seconds()} s\n`);
  }

  #print(): void {
    this.#printed = true;
    const line = `${this.#subject}: ${this.#current} (${this.#seconds()} s)`;
    if (this.#terminal) process.stderr.write(`\r\x1b[K${line.slice(0, process.stderr.columns - 1)}`);
    else process.stderr.write(`${line}\n`);
  }

  #seconds(): number {
    return Math.round((performance.now() - this.#start) / 1000);
  }
}
