import { expect, test } from 'vitest';
import { sendError } from '../../src/client/send-error.ts';
import { CancelledError, isMeshError } from '../../src/index.ts';
import { callTo } from '../support/scope.ts';

const failure = (facts: object) => Object.assign(new Error('it failed'), facts);
const wrapped = (cause: unknown) => new TypeError('fetch failed', { cause });
const resend = (error: unknown) => {
  const met = sendError(error, callTo());
  return isMeshError(met) ? met.resend : met === error ? 'as it is' : met;
};

test.each(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EADDRNOTAVAIL', 'ECONNRESET'])(
  '%s of a connect sent nothing: it is safe to send again',
  (code) => {
    expect(resend(failure({ code, syscall: 'connect' }))).toBe('safe');
    expect(resend(wrapped(failure({ code, syscall: 'connect' })))).toBe('safe');
    expect(resend(new AggregateError([failure({ code, syscall: 'connect' })]))).toBe('safe');
    expect(resend(Object.assign(new AggregateError([failure({ code, syscall: 'connect' })]), { code }))).toBe('safe');
  },
);

test.each([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_SOCKET',
  'UND_ERR_DESTROYED',
  'HPE_INVALID_VERSION',
  'UND_ERR_INFO',
  'ERR_HTTP2_ERROR',
  'ERR_HTTP2_STREAM_ERROR',
  'ERR_HTTP2_SESSION_ERROR',
])('%s of a connection that stood may have been executed (F64)', (code) => {
  expect(resend(failure({ code, syscall: 'read' }))).toBe('idempotent');
  expect(resend(wrapped(failure({ code })))).toBe('idempotent');
});

test.each([
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_CLOSED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])('%s sent nothing', (code) => expect(resend(failure({ code }))).toBe('safe'));

test.each(['ERR_SSL_WRONG_VERSION_NUMBER', 'EPROTO'])('%s may have sent something', (code) =>
  expect(resend(failure({ code }))).toBe('idempotent'),
);

test('a stream of HTTP/2 that was refused was not worked on', () => {
  const error = new Error('Stream closed with error code NGHTTP2_REFUSED_STREAM');
  expect(resend(Object.assign(error, { code: 'ERR_HTTP2_STREAM_ERROR' }))).toBe('safe');
});

test('what the client itself finds wrong stays what it is', () => {
  expect(resend(failure({ code: 'ERR_INVALID_CHAR' }))).toBe('as it is');
  expect(resend(new TypeError('no body for a GET'))).toBe('as it is');
  expect(resend('a word')).toBe('as it is');
});

test('an attempt that was given up fails with the reason for that', () => {
  const ctx = callTo();
  const reason = new CancelledError('players');
  ctx.cancel(reason);
  expect(sendError(failure({ code: 'ECONNRESET' }), ctx)).toBe(reason);
});
