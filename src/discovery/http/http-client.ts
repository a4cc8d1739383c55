import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import type { Clock } from '../../core/clock.ts';
import { jsonOf, refusalOf } from './body.ts';
import { Gate } from './gate.ts';
import { LineSplitter } from './line-splitter.ts';
import type { Answer, Question, StreamQuestion } from './question.ts';
import { within } from './within.ts';

/** What shows a server who asks, and this process who the server is. */
export interface Access {
  readonly headers: Readonly<Record<string, string>>;
  /** Certificates to trust instead of the system's, as PEM. */
  readonly ca?: string | undefined;
}

/** Where a registry asks. */
export interface HttpClientOptions {
  /** Scheme, host and port. */
  readonly origin: URL;
  /** Asked for every request, because tokens and certificates are replaced while a process runs. */
  readonly access: () => Promise<Access>;
  readonly clock: Clock;
}

/** No object that a Kubernetes API server keeps has more than 1.5 MB. */
const MAX_LINE_BYTES = 4 * 1_024 * 1_024;
/** A peer that vanished without a word is noticed by the kernel some 10 s after this. */
const KEEP_ALIVE_MS = 15_000;
/** A thousand services must not open their connections in one moment, in which nothing else could run. */
const CONNECTING = 8;
/** How long one may wait for its turn to connect, as long as the others succeed. */
const QUEUE_MS = 120_000;

/** What of a question is made for sending. */
interface Sent {
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Asks one server over HTTP or HTTPS, for registries. Every question has a limit in time and in size, no redirect is followed, and each has
 * a connection of its own: they are few and long, and one that was kept could have been closed by the other side just now.
 */
export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #gate = new Gate(CONNECTING);
  /** Keep no connections; the second one remembers sessions of TLS, which makes all but the first cheap. */
  readonly #plain = new http.Agent({ keepAlive: false });
  readonly #secure = new https.Agent({ keepAlive: false });
  #context: { readonly ca: string; readonly context: SecureContext } | undefined;

  constructor(options: HttpClientOptions) {
    this.#options = options;
  }

  /** Rejects with an `HttpStatusError` for a status that is not good, and with any other error when there is no answer. */
  async ask(question: Question): Promise<Answer> {
    return within(this.#options.clock, question.timeoutMs, question.signal, async (signal, renew) => {
      const response = await this.#send(question, signal, renew);
      return { headers: response.headers, body: await jsonOf(response) };
    });
  }

  /** Resolves when the server ended the stream. Rejects as `ask` does, when the stream breaks off, and when it goes on for too long. */
  async stream(question: StreamQuestion): Promise<void> {
    const { streamMs, opened, heard } = question;
    return within(this.#options.clock, question.timeoutMs, question.signal, async (signal, renew) => {
      const response = await this.#send(question, signal, renew);
      renew(streamMs);
      opened();
      const splitter = new LineSplitter(MAX_LINE_BYTES);
      for await (const piece of response) {
        const lines = splitter.push(piece as Buffer); // nobody has set an encoding
        if (signal.aborted) return;
        if (lines.length > 0) heard(lines);
      }
    });
  }

  async #send(question: Question, signal: AbortSignal, renew: (ms: number) => void): Promise<IncomingMessage> {
    const { headers, ca } = await this.#options.access();
    renew(QUEUE_MS);
    const leave = await this.#gate.enter(signal);
    renew(question.timeoutMs);
    let connected = false;
    let response: IncomingMessage;
    try {
      const body = question.body === undefined ? undefined : JSON.stringify(question.body);
      response = await answerTo(this.#open(question, { body, headers, ca, signal }), body, () => {
        connected = true;
        leave();
      });
    } catch (error) {
      // The others would find the same, a few at a time. Not so when it was only given up.
      if (!connected && !question.signal.aborted) this.#gate.turnAway(signal.aborted ? signal.reason : error);
      throw error;
    } finally {
      leave();
    }
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return response;
    throw await refusalOf(response);
  }

  #open({ method = 'GET', path, accept = 'application/json' }: Question, sent: Sent): ClientRequest {
    const { body, headers, ca, signal } = sent;
    const url = new URL(path, this.#options.origin);
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const content = body === undefined ? {} : { 'content-type': 'application/json', ...length };
    const options = { method, signal, headers: { accept, 'user-agent': 'heddle', ...content, ...headers } };
    if (url.protocol === 'http:') return http.request(url, { ...options, agent: this.#plain });
    const trusted = ca === undefined ? {} : { ca, secureContext: this.#contextFor(ca) };
    return https.request(url, { ...options, ...trusted, agent: this.#secure });
  }

  /** To make one takes longer than all the rest of a connection, and certificates are seldom replaced. */
  #contextFor(ca: string): SecureContext {
    if (this.#context?.ca !== ca) this.#context = { ca, context: createSecureContext({ ca }) };
    return this.#context.context;
  }
}

/** `connected` is called when the connection stands. */
function answerTo(request: ClientRequest, body: string | undefined, connected: () => void): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('socket', (socket) => {
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', connected);
    });
    request.on('response', resolve);
    // It stays, for what breaks later: that is told by the response.
    request.on('error', reject);
    request.end(body);
  });
}
