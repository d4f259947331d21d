import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { printIndented } from './print.ts';

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  /** The header webhook-id: the same in every attempt of a delivery. */
  readonly id: string;
  readonly body: Buffer;
  readonly isSigned: boolean;
  /** What it was answered with. */
  readonly status: number;
}

/** A receiver of web hooks that shares nothing with the operator but the secrets. */
export interface Receiver {
  readonly origin: string;
  readonly requests: readonly ReceivedRequest[];
  /** The secret that requests to this path must be signed with from now on. */
  expectSecret(path: string, secret: string): void;
  /** The next requests to this path get these statuses, whatever their signature. */
  answerNext(path: string, ...statuses: readonly number[]): void;
  close(): Promise<void>;
}

const SIGNATURE = 'X-Flagsmith-Signature';

/** Listens on loopback and prints each request as it arrives. */
export async function startReceiver(): Promise<Receiver> {
  const requests: ReceivedRequest[] = [];
  const secrets = new Map<string, string>();
  const answers = new Map<string, number[]>();

  const receive = async (message: IncomingMessage): Promise<number> => {
    const body = await buffer(message);
    const { method = '', url: path = '' } = message;
    const [signature, id, webhookSignature] = [SIGNATURE, 'webhook-id', 'webhook-signature'].map((name) =>
      String(message.headers[name.toLowerCase()] ?? ''),
    ) as [string, string, string];
    const isSigned = verify(body, signature, secrets.get(path) ?? '');
    const status = answers.get(path)?.shift() ?? (isSigned ? 200 : 401);
    requests.push({ method, path, id, body, isSigned, status });
    printIndented(
      [
        `  → ${method} ${path}`,
        `    ${SIGNATURE}: ${signature} (${isSigned ? 'correct' : 'WRONG'})`,
        `    webhook-id: ${id}`,
        `    webhook-signature: ${webhookSignature}`,
        `    ${body.toString()}`,
        `  ← ${status}`,
      ].join('\n'),
    );
    return status;
  };
  const server = createServer((message, response) => {
    void receive(message).then(
      (status) => response.writeHead(status).end(),
      () => message.socket.destroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    requests,
    expectSecret: (path, secret) => void secrets.set(path, secret),
    answerNext: (path, ...statuses) => void answers.set(path, [...statuses]),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** As Flagsmith's documentation has it in Python: HMAC-SHA256 of the body as it came, in lower-case hex. */
function verify(body: Buffer, signature: string, secret: string): boolean {
  const expected = Buffer.from(createHmac('sha256', secret).update(body).digest('hex'));
  const received = Buffer.from(signature);
  return received.length === expected.length && timingSafeEqual(received, expected);
}
