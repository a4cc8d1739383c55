import { Readable } from 'node:stream';
import got, { RequestError } from 'got';
import { describe, expect } from 'vitest';
import { meshOf } from '../../src/index.ts';
import { type Contract, clientContract } from './contract.ts';
import { aroundCalls } from './setup.ts';

const contract: Contract = {
  open: (mesh) => {
    const http = mesh.wrap(got);
    return async (path, { method = 'GET', body, pieces, json, signal, headers } = {}) => {
      const res = await http(`http://players${path}`, {
        method: method as 'GET', // got's type lists the usual methods
        ...(headers && { headers }),
        ...(signal && { signal }),
        ...(json !== undefined && { json }),
        ...(body !== undefined && { body }),
        ...(pieces && { body: Readable.from(pieces) }),
        throwHttpErrors: false,
        responseType: 'buffer',
      });
      const header = (name: string) => {
        const value = res.headers[name];
        return typeof value === 'string' ? value : value?.[0];
      };
      return { status: res.statusCode, header, body: Buffer.from(res.body), report: meshOf(res) };
    };
  },
  replaysAnyLength: false,
  readsLate: true,
  buffers: false,
  aborted: (error, reason) => {
    expect(error).toMatchObject({ name: 'AbortError', code: 'ERR_ABORTED', cause: reason });
  },
  broken: (error) => {
    expect(error instanceof RequestError).toBe(true);
    expect((error as RequestError).code).toBe('ECONNRESET');
  },
};

clientContract(contract);
describe('with all that may stand around a call', () => clientContract({ ...contract, settings: aroundCalls }));
