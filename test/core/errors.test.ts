import { expect, test } from 'vitest';
import {
  AttemptTimeoutError,
  BreakerOpenError,
  CancelledError,
  ClientGoneError,
  ClosedError,
  ConfigError,
  ConnectError,
  DeadlineError,
  isMeshError,
  MeshError,
  MisdirectedError,
  messageOf,
  NoEndpointsError,
  RefusedError,
  TransportError,
} from '../../src/core/errors.ts';

const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:80'), { code: 'ECONNREFUSED' });

const expected = [
  new ClosedError('players'),
  new CancelledError('players', 'the user left'),
  new ClientGoneError('teams', 'the client left'),
  new DeadlineError('players', false, 'no time left'),
  new NoEndpointsError('players', 'nobody there'),
  new BreakerOpenError('players', 'open'),
  new RefusedError('players', 'concurrency', 'too many'),
  new RefusedError('players', 'nack', 'busy', 'a1'),
  new AttemptTimeoutError('players', 'a1', 3_000),
  new ConnectError('players', 'a1', refused),
  new TransportError('players', 'a1', new Error('socket hang up')),
  new MisdirectedError('players', 'a1'),
];

test('each error has its stable code, and says whether sending again can help', () => {
  expect(expected.map(({ code, resend }) => [code, resend])).toEqual([
    ['MESH_CLOSED', 'never'],
    ['MESH_CANCELLED', 'never'],
    ['MESH_CANCELLED', 'never'],
    ['MESH_DEADLINE', 'never'],
    ['MESH_NO_ENDPOINTS', 'never'],
    ['MESH_BREAKER_OPEN', 'never'],
    ['MESH_REFUSED', 'never'],
    ['MESH_REFUSED', 'safe'],
    ['MESH_ATTEMPT_TIMEOUT', 'idempotent'],
    ['MESH_CONNECT', 'safe'],
    ['MESH_TRANSPORT', 'idempotent'],
    ['MESH_MISDIRECTED', 'safe'],
  ]);
  expect(new TransportError('players', 'a1', new Error('reset'), 'safe').resend).toBe('safe');
});

test('each error bears the name of its class, so that a log shows what it is', () => {
  for (const error of [...expected, new ConfigError('x')]) {
    expect(error).toBeInstanceOf(MeshError);
    expect(error.name).toBe(error.constructor.name);
    expect(error.stack?.startsWith(`${error.name}: ${error.message}`)).toBe(true);
  }
});

test('an expected refusal carries no stack; a wrong option does, because somebody has to find it', () => {
  for (const error of expected) expect(error.stack).not.toContain('\n    at ');
  expect(new ConfigError('retry.attempts must be …').stack).toContain('errors.test.ts');
});

test('leaving the stack out changes nothing for the errors of others', () => {
  const before = Error.stackTraceLimit;
  new ClosedError();
  expect(Error.stackTraceLimit).toBe(before);
  expect(new Error('of the application').stack).toContain('errors.test.ts');
});

test('each message names the service and the endpoint that it is about', () => {
  expect(new CancelledError('players').message).toBe("the call to 'players' was cancelled by its caller");
  expect(new AttemptTimeoutError('players', 'a1', 3_000).message).toBe("'players' (a1) did not answer within 3000 ms");
  expect(new ConnectError('players', 'a1', refused).message).toBe(
    "cannot connect to 'players' (a1): connect ECONNREFUSED 10.0.0.1:80",
  );
  expect(new ConnectError('players', undefined, 'nothing').message).toBe(
    "cannot connect to 'players' (no endpoint): nothing",
  );
  expect(new TransportError('players', 'a1', new Error('socket hang up')).message).toBe(
    "the connection to 'players' (a1) failed: socket hang up",
  );
  expect(new MisdirectedError('players', 'a1').message).toBe("a1 is no longer an instance of 'players'");
});

test('the cause is what it was', () => {
  const reason = { why: 'the user left' };
  expect(new CancelledError('players', reason).cause).toBe(reason);
  expect(new ConnectError('players', 'a1', refused).cause).toBe(refused);
  expect('cause' in new ClosedError('players')).toBe(false);
});

test('isMeshError knows the errors of the mesh, those of another copy of it too, and no others', () => {
  for (const error of [...expected, new ConfigError('x')]) expect(isMeshError(error)).toBe(true);
  expect(isMeshError(Object.assign(new Error('of another copy'), { code: 'MESH_CONNECT', resend: 'safe' }))).toBe(true);
  for (const other of [refused, new Error('x'), { code: 'MESH_CONNECT' }, 'MESH_CONNECT', null, undefined])
    expect(isMeshError(other)).toBe(false);
  expect(isMeshError(Object.assign(new Error('x'), { code: 11, resend: 'safe' }))).toBe(false);
  // got gives its own errors the code of their cause.
  expect(isMeshError(Object.assign(new Error('of got'), { code: 'MESH_CONNECT' }))).toBe(false);
});

test('the message of an error is its own', () => {
  expect(messageOf(new Error('broken'))).toBe('broken');
  expect(messageOf(new AggregateError([refused], 'all failed'))).toBe('all failed');
});

test('connection attempts that failed together say what happened to the first', () => {
  expect(messageOf(new AggregateError([refused, new Error('other')]))).toBe('connect ECONNREFUSED 10.0.0.1:80');
});

test('a failed fetch says why', () => {
  expect(messageOf(new TypeError('fetch failed', { cause: refused }))).toBe('connect ECONNREFUSED 10.0.0.1:80');
  expect(messageOf(new TypeError('fetch failed'))).toBe('fetch failed');
});

test('an error without a message is named by its code or its class', () => {
  expect(messageOf(Object.assign(new Error(), { code: 'ECONNRESET' }))).toBe('ECONNRESET');
  expect(messageOf(new TypeError())).toBe('TypeError');
  expect(messageOf(new AggregateError([]))).toBe('AggregateError');
});

test('whatever is thrown has a message', () => {
  expect(messageOf('a string')).toBe('a string');
  expect(messageOf(undefined)).toBe('undefined');
  expect(messageOf(null)).toBe('null');
  expect(messageOf(Symbol('odd'))).toBe('Symbol(odd)');
  expect(messageOf({ toString: () => 'its own words' })).toBe('its own words');
  expect(messageOf(Object.create(null))).toBe('an object');
});
