const NEWLINE = 0x0a;

/** No event of a watch is longer: etcd takes 1.5 MiB, and JSON escapes at most make six of one byte. */
const LONGEST_LINE_BYTES = 16 * 1024 * 1024;

/** A line was longer than is allowed. */
export class LineTooLongError extends Error {
  override readonly name = 'LineTooLongError';
}

/**
 * Splits bytes into lines, without the newline; what stands after the last one is a line too, where it is not
 * empty. Lines are split as bytes, so a letter in UTF-8 may be spread over chunks.
 */
export async function* lines(
  chunks: AsyncIterable<Uint8Array>,
  longest: number = LONGEST_LINE_BYTES,
): AsyncGenerator<string, void, undefined> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const add = (part: Uint8Array): void => {
    length += part.length;
    if (length > longest) throw new LineTooLongError(`a line is longer than ${longest} bytes`);
    parts.push(part);
  };
  const take = (): string => {
    const line = Buffer.concat(parts, length).toString('utf8');
    parts = [];
    length = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, end));
      yield take();
      from = end + 1;
    }
    if (from < chunk.length) add(chunk.subarray(from));
  }
  if (length > 0) yield take();
}
