import { Readable } from 'node:stream';
import { describe, expect } from 'vitest';
import { CancelledError, meshOf, TransportError } from '../../src/index.ts';
import { overHttp2 } from '../support/wires.ts';
import { type Contract, clientContract } from './contract.ts';
import { aroundCalls } from './setup.ts';

const contract: Contract = {
  open: (mesh) => {
    const players = mesh.client('players');
    return async (path, { method = 'GET', body, pieces, ...options } = {}) => {
      const res = await players.request(method, path, { ...options, body: pieces ? Readable.from(pieces) : body });
      const header = (name: string) => {
        const value = res.headers[name];
        return typeof value === 'string' ? value : value?.[0];
      };
      return { status: res.status, header, body: Buffer.from(res.body), report: meshOf(res) };
    };
  },
  replaysAnyLength: true,
  readsLate: true,
  buffers: true,
  aborted: (error, reason) => {
    expect(error instanceof CancelledError).toBe(true);
    expect((error as CancelledError).cause).toBe(reason);
  },
  broken: (error) => expect(error instanceof TransportError).toBe(true),
};

clientContract(contract);
const settings = { ...aroundCalls, fallback: { ...aroundCalls.fallback, staleMs: 1 }, cache: {}, singleFlight: {} };
describe('with all that may stand around a call', () => clientContract({ ...contract, settings }));
describe('over HTTP/2', () => clientContract({ ...contract, wire: overHttp2 }));
