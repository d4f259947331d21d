import { Agent, request } from 'undici';
import type { Credentials } from './kubeconfig.ts';

/** A cause of a refusal, as metav1.StatusCause has it. */
export interface Cause {
  readonly field: string;
  readonly message: string;
}

/** What the API server answered. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

interface Options {
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  /** The user in whose name it is asked, who has the rights that RBAC gives. */
  readonly as?: string;
}

/** Many plain requests with the rights of an administrator, over connections that are kept. */
export class AdminClient {
  readonly #agent: Agent;
  readonly #server: string;
  readonly #authorization: string;

  constructor({ server, ca, token }: Credentials) {
    this.#agent = new Agent({ allowH2: false, connect: { ca } });
    this.#server = server;
    this.#authorization = `Bearer ${token}`;
  }

  async call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    { body, contentType = 'application/json', accept = 'application/json', as }: Options = {},
  ): Promise<Answer> {
    const answer = await request(this.#server + path, {
      method,
      dispatcher: this.#agent,
      headers: {
        authorization: this.#authorization,
        accept,
        'content-type': contentType,
        ...(as === undefined ? {} : { 'impersonate-user': as }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: answer.statusCode, body: (await answer.body.json()) as Answer['body'] };
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }
}

/** The causes of a refusal. */
export function causesOf({ body }: Answer): readonly Cause[] {
  const details = body['details'] as { readonly causes?: readonly Cause[] } | undefined;
  return details?.causes ?? [];
}
