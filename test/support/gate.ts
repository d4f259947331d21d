/** Something that answers of a receiver can wait for. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function aGate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
