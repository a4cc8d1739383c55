import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  type Question,
  streamDecode,
  streamEncode,
  TRUNCATED_RESPONSE,
} from 'dns-packet';

/** How the server treats a question: it answers, refuses, fails, or is silent. */
export type Treatment = 'answer' | 'REFUSED' | 'SERVFAIL' | 'silence';

/** What somebody asked. */
export interface Asked {
  readonly name: string;
  readonly type: string;
  readonly over: 'udp' | 'tcp';
}

/** A DNS server on UDP and TCP of one port of loopback, whose zone a test writes. */
export interface DnsServer {
  /** As a list of servers names it. */
  readonly address: string;
  /** All that was asked so far. */
  readonly asked: readonly Asked[];
  /** How it treats all questions. */
  treatment: Treatment;
  /** Names that are treated in another way than the rest. */
  readonly treatments: Map<string, Treatment>;
  /** Most bytes of an answer over UDP; a longer one comes cut off. A question may ask for less. */
  maxUdpBytes: number;
  /** Makes these all the records of a name; `undefined` unmakes the name. */
  set(name: string, records: readonly Answer[] | undefined): void;
  /** Stops listening, so that the machine refuses for it. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

const RCODES = { REFUSED: 5, SERVFAIL: 2, NXDOMAIN: 3 };

/** A DNS server that answers. */
export async function startDns(): Promise<DnsServer> {
  const server = new LoopbackDns();
  await server.start();
  return server;
}

/** `A` or `AAAA` records. */
export function addressRecords(name: string, addresses: readonly string[], ttl = 30): Answer[] {
  return addresses.map((data) => ({ type: data.includes(':') ? 'AAAA' : 'A', name, ttl, data }));
}

/** An `SRV` record. */
export function srvRecord(name: string, target: string, port: number, priority = 0, weight = 0): Answer {
  return { type: 'SRV', name, ttl: 30, data: { target, port, priority, weight } };
}

class LoopbackDns implements DnsServer {
  readonly asked: Asked[] = [];
  readonly treatments = new Map<string, Treatment>();
  readonly #zone = new Map<string, readonly Answer[]>();
  readonly #sockets = new Set<Socket>();
  #udp: UdpSocket | undefined;
  #tcp: Server | undefined;
  #port = 0;
  treatment: Treatment = 'answer';
  maxUdpBytes = 4_096;

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  set(name: string, records: readonly Answer[] | undefined): void {
    if (records === undefined) this.#zone.delete(name);
    else this.#zone.set(name, records);
  }

  async start(): Promise<void> {
    // A port that is free for TCP may be taken for UDP: then another one.
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#listen();
        return;
      } catch (error) {
        await this.stop();
        if (attempt === 20) throw error;
      }
    }
  }

  async stop(): Promise<void> {
    const udp = this.#udp;
    const tcp = this.#tcp;
    this.#udp = undefined;
    this.#tcp = undefined;
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => (udp === undefined ? resolve() : udp.close(resolve))),
      new Promise<void>((resolve) => (tcp === undefined ? resolve() : tcp.close(() => resolve()))),
    ]);
  }

  close(): Promise<void> {
    return this.stop();
  }

  async #listen(): Promise<void> {
    const tcp = createServer((socket) => this.#serve(socket));
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject).listen(this.#port, '127.0.0.1', resolve);
    });
    this.#tcp = tcp;
    const bound = tcp.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const udp = createSocket('udp4');
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject).bind(port, '127.0.0.1', resolve);
    });
    udp.on('message', (bytes, from) => this.#answerDatagram(udp, bytes, from));
    this.#udp = udp;
    this.#port = port;
  }

  #answerDatagram(udp: UdpSocket, bytes: Buffer, from: RemoteInfo): void {
    const query = decode(bytes);
    const reply = this.#reply(query, 'udp');
    if (reply === undefined) return;
    const whole = encode(reply);
    const cut = encode({ ...reply, flags: (reply.flags ?? 0) | TRUNCATED_RESPONSE, answers: [] });
    const wanted = query.additionals?.find((one) => one.type === 'OPT');
    const most = Math.min(this.maxUdpBytes, wanted?.udpPayloadSize ?? 512);
    udp.send(whole.length > most ? cut : whole, from.port, from.address);
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    let received = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const length = 2 + received.readUInt16BE(0);
        const reply = this.#reply(streamDecode(received.subarray(0, length)), 'tcp');
        received = received.subarray(length);
        if (reply !== undefined) socket.write(streamEncode(reply));
      }
    });
  }

  #reply({ id, questions }: Packet, over: 'udp' | 'tcp'): Packet | undefined {
    const [question] = questions ?? [];
    if (question === undefined) return undefined;
    const name = question.name.toLowerCase();
    this.asked.push({ name, type: question.type, over });
    const treatment = this.treatments.get(name) ?? this.treatment;
    if (treatment === 'silence') return undefined;
    const reply = { type: 'response', id, questions } as const;
    if (treatment !== 'answer') return { ...reply, flags: RCODES[treatment] };
    const records = this.#zone.get(name);
    const flags = AUTHORITATIVE_ANSWER | (records === undefined ? RCODES.NXDOMAIN : 0);
    return { ...reply, flags, answers: (records ?? []).filter(asksFor(question, name)) };
  }
}

/** Whether a record belongs into the answer: one of the kind that was asked for, or a name in its place and what belongs to that. */
function asksFor({ type }: Question, name: string): (record: Answer) => boolean {
  return (record) => record.type === type || (record.type === 'CNAME' && type !== 'SRV') || record.name !== name;
}
