import { describe, expect } from 'vitest';
import { meshOf } from '../../src/index.ts';
import { overHttp2 } from '../support/wires.ts';
import { type Contract, clientContract } from './contract.ts';
import { aroundCalls } from './setup.ts';

const contract: Contract = {
  open: (mesh) => {
    const fetch = mesh.wrap(globalThis.fetch);
    return async (path, { body, pieces, json, headers, ...options } = {}) => {
      const sent = json === undefined ? body : JSON.stringify(json);
      const res = await fetch(`http://players${path}`, {
        ...options,
        headers: { ...(json === undefined ? undefined : { 'content-type': 'application/json' }), ...headers },
        ...(pieces ? { body: ReadableStream.from(pieces), duplex: 'half' } : { body: sent }),
      } as RequestInit);
      const whole = Buffer.from(await res.arrayBuffer());
      return {
        status: res.status,
        header: (name) => res.headers.get(name) ?? undefined,
        body: whole,
        report: meshOf(res),
      };
    };
  },
  replaysAnyLength: true,
  readsLate: false,
  buffers: false,
  aborted: (error, reason) => expect(error).toBe(reason),
  broken: (error) => {
    expect(error instanceof TypeError).toBe(true);
    expect((error as TypeError).message).toBe('fetch failed');
  },
};

clientContract(contract);
describe('with all that may stand around a call', () => clientContract({ ...contract, settings: aroundCalls }));
describe('over HTTP/2', () => clientContract({ ...contract, wire: overHttp2 }));
