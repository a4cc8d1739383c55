import { expect, test } from 'vitest';
import { ConnectError } from '../../src/core/errors.ts';
import type { CacheOptions } from '../../src/filters/cache-options.ts';
import type { MockRequest, MockResponse } from '../../src/testing/entry.ts';
import { harness, outcome, settled } from '../support/harness.ts';

const service = 'players';
const refused = () => new ConnectError(service, 'a', new Error('refused'));
const SECOND = 1_000;

function setup(cache: CacheOptions = {}, options: Parameters<typeof harness>[0] = {}) {
  const made = harness({ cache, retry: false, ...options });
  const { call, peer, metrics, clock } = made;
  const results = (result: string) => metrics.value('cache', { service, result });
  /** A call that the service is asked for, and answers so. */
  const asked = async (req: MockRequest, response: MockResponse) => {
    const reply = call(req);
    const arrival = peer.next();
    arrival.reply(response);
    return { response: await reply, arrival };
  };
  /** Keeps an answer with these headers. */
  const keep = (headers: Record<string, string>, req: MockRequest = {}, body = 'Ann') =>
    asked(req, { status: 200, headers, body });
  /** A call that is answered without the service. */
  const given = async (req: MockRequest = {}) => {
    const reply = call(req);
    expect(peer.waiting).toBe(0);
    return reply;
  };
  /** Whether the service is asked for this; if it is, it says something else than before. */
  const asks = async (req: MockRequest = {}) => {
    const reply = call(req);
    const sent = peer.waiting > 0;
    if (sent) peer.next().reply({ status: 200, body: 'anew', headers: { 'cache-control': 'no-store' } });
    await reply;
    return sent;
  };
  const after = (seconds: number) => clock.advance(seconds * SECOND);
  return { ...made, results, asked, keep, given, asks, after };
}

const MINUTE = { 'cache-control': 'max-age=60' };

test('what is fresh is given without the service, with its age', async () => {
  const { keep, given, after, results, metrics, target } = setup();
  await keep(MINUTE);
  await after(59);
  const { headers, ...rest } = await given();
  expect(rest).toEqual({ status: 200, body: 'Ann' });
  expect(headers?.['age']).toBe('59');
  expect([results('miss'), results('hit')]).toEqual([1, 1]);
  expect(metrics.value('calls', { service, binding: 'mock', outcome: 'success' })).toBe(2);
  expect(target.inFlight.running).toBe(0);
});

test('what is old is not', async () => {
  const { keep, asks, after } = setup();
  await keep(MINUTE);
  await after(60);
  expect(await asks()).toBe(true);
});

test.each([
  ['max-age', { 'cache-control': 'max-age=60' }, 60],
  ['max-age in capitals', { 'cache-control': 'Public, Max-Age="60"' }, 60],
  ['s-maxage before max-age', { 'cache-control': 'max-age=5, s-maxage=60' }, 60],
  ['max-age before expires', { 'cache-control': 'max-age=60', expires: '0' }, 60],
  ['an age that it came with', { 'cache-control': 'max-age=100', age: '40' }, 60],
  ['the first of two', { 'cache-control': 'max-age=60, max-age=600' }, 60],
  ['must-revalidate, while it is fresh', { 'cache-control': 'max-age=60, must-revalidate' }, 60],
  ['a text in quotes that means nothing', { 'cache-control': 'max-age=60, x="no-store, private"' }, 60],
])('it is fresh for as long as it says: %s', async (_, headers, seconds) => {
  const { keep, asks, after } = setup();
  await keep(headers);
  await after(seconds - 1);
  expect(await asks()).toBe(false);
  await after(1);
  expect(await asks()).toBe(true);
});

test('what is about one connection, or a cookie of a 304, is not given to the next', async () => {
  const { call, peer, keep, given, after } = setup();
  const hop = { connection: 'close, X-Hop', 'keep-alive': 'timeout=5', 'x-hop': 'yes', 'x-other': 'yes' };
  await keep({ ...MINUTE, etag: '"a"', ...hop });
  expect(Object.keys((await given()).headers ?? {}).sort()).toEqual([
    'age',
    'cache-control',
    'date',
    'etag',
    'x-other',
  ]);
  await after(60);
  const reply = call();
  peer.next().reply({ status: 304, headers: { 'set-cookie': 'a=b' } });
  expect((await reply).body).toBe('Ann');
  const next = call();
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 200 });
  await next;
});

test('expires counts from its own date, whatever time it is here', async () => {
  const { keep, asks, after } = setup();
  await keep({ date: 'Tue, 01 Jan 2030 00:00:00 GMT', expires: 'Tue, 01 Jan 2030 00:01:00 GMT' });
  await after(59);
  expect(await asks()).toBe(false);
  await after(1);
  expect(await asks()).toBe(true);
});

test('the time that an answer was on its way is part of its age', async () => {
  const { call, peer, given, after, asks } = setup();
  const reply = call();
  await after(2);
  peer.next().reply({ status: 200, headers: { 'cache-control': 'max-age=3' } });
  await reply;
  expect((await given()).headers?.['age']).toBe('2');
  await after(1);
  expect(await asks()).toBe(true);
});

test.each([
  ['private', { 'cache-control': 'max-age=60, private' }],
  ['private, in capitals', { 'cache-control': 'max-age=60, PRIVATE' }],
  ['private for one header', { 'cache-control': 'max-age=60, private="x-a, x-b"' }],
  ['no-store', { 'cache-control': 'max-age=60, no-store' }],
  ['no-store, in capitals', { 'cache-control': 'Max-Age=60, No-Store' }],
  ['no-cache, without anything to ask by', { 'cache-control': 'max-age=60, no-cache' }],
  ['pragma, where nothing else is said', { pragma: 'No-Cache', expires: 'Tue, 01 Jan 2999 00:00:00 GMT' }],
  ['vary: *', { 'cache-control': 'max-age=60', vary: 'accept, *' }],
  ['a cookie', { 'cache-control': 'public, max-age=60', 'set-cookie': 'a=b' }],
  ['nothing', {}],
  ['only when it changed: nothing is fresh by guess', { 'last-modified': 'Sat, 01 Jan 2000 00:00:00 GMT' }],
  ['immutable alone', { 'cache-control': 'immutable' }],
  ['an expiry that is over', { expires: '0' }],
  ['garbage', { 'cache-control': 'max-age=soon' }],
  ['a number with a tail', { 'cache-control': 'max-age=60s' }],
  ['a negative age', { 'cache-control': 'max-age=-60' }],
  ['an age that is used up', { 'cache-control': 'max-age=60', age: '60' }],
  ['an age of ages', { 'cache-control': 'max-age=60', age: '99999999999999999999999' }],
])('an answer that says %s is not given to the next', async (_, headers) => {
  const { keep, asks } = setup();
  await keep(headers);
  expect(await asks()).toBe(true);
});

test.each([500, 502, 206, 302, 405])('a %i is not kept that does not say so', async (status) => {
  const { asked, asks } = setup();
  await asked({}, { status });
  expect(await asks()).toBe(true);
});

test('a 404 that says so is kept, a 500 is not', async () => {
  const { asked, given, asks } = setup();
  await asked({ path: '/a' }, { status: 404, headers: MINUTE });
  expect((await given({ path: '/a' })).status).toBe(404);
  await asked({ path: '/b' }, { status: 500, headers: MINUTE });
  expect(await asks({ path: '/b' })).toBe(true);
});

test.each([
  [{ authorization: 'red' }, 'max-age=60', true],
  [{ cookie: 'user=red' }, 'max-age=60', true],
  [{ authorization: 'red' }, 'max-age=60, public', false],
  [{ authorization: 'red' }, 's-maxage=60', false],
  [{ authorization: 'red' }, 'max-age=60, must-revalidate', false],
])('an answer to %j that says %s is for another to be asked anew: %s', async (headers, control, anew) => {
  const { keep, asks } = setup();
  await keep({ 'cache-control': control }, { headers: { ...headers } });
  expect(await asks({ headers: { authorization: 'blue' } })).toBe(anew);
  expect(await asks()).toBe(anew);
});

test('an answer to nobody is not given to who says who it is, unless it says that it is for all', async () => {
  const { keep, asks, given } = setup();
  await keep(MINUTE, { path: '/a' });
  expect(await asks({ path: '/a', headers: { authorization: 'red' } })).toBe(true);
  expect((await given({ path: '/a' })).body).toBe('Ann');
  await keep({ 'cache-control': 'max-age=60, public' }, { path: '/b' });
  expect(await asks({ path: '/b', headers: { authorization: 'red' } })).toBe(false);
});

test('a token that is added further in counts as that of the caller', async () => {
  const token = 'authorization';
  const { keep, asks } = setup(
    {},
    {
      filters: (stack) =>
        stack.insertBefore('retry', 'token', (next) => (req, ctx) => {
          ctx.headers.push(token, 'secret');
          return next(req, ctx);
        }),
    },
  );
  await keep(MINUTE);
  expect(await asks()).toBe(true);
});

test('answers differ by the headers that vary names', async () => {
  const { keep, given, asks } = setup();
  const vary = { ...MINUTE, vary: 'Accept-Language, X-Team' };
  const of = (language: string) => ({ headers: { 'accept-language': language, 'x-other': String(Math.PI) } });
  await keep(vary, of('de'), 'hallo');
  await keep(vary, of('en'), 'hello');
  expect((await given(of('de'))).body).toBe('hallo');
  expect((await given(of('en'))).body).toBe('hello');
  expect(await asks(of('fr'))).toBe(true);
  expect(await asks()).toBe(true);
});

test('answers to one path differ in so many ways, and no more are kept', async () => {
  const { keep, asks, given } = setup();
  const of = (i: number) => ({ headers: { 'x-team': String(i) } });
  for (let i = 0; i < 40; i++) await keep({ ...MINUTE, vary: 'x-team' }, of(i), String(i));
  expect((await given(of(39))).body).toBe('39');
  expect((await given(of(8))).body).toBe('8');
  expect(await asks(of(7))).toBe(true);
});

test.each([
  ['baggage', (ctx: { baggage: string }) => Object.assign(ctx, { baggage: 'tenant=blue' })],
  ['names in the place of others', (ctx: { headers: string[] }) => ctx.headers.push('mesh-names', 'players=next')],
  ['a header of a filter', (ctx: { headers: string[] }) => ctx.headers.push('x-tenant', 'blue')],
])('what was asked with other %s is another answer', async (_, prepare) => {
  const { call, peer, keep, given } = setup();
  await keep(MINUTE);
  const other = () => call({}, { prepare });
  const first = other();
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 200, headers: MINUTE, body: 'Bob' });
  await first;
  expect((await other()).body).toBe('Bob');
  expect((await given()).body).toBe('Ann');
});

test('a header that both the caller and a filter give differs by both', async () => {
  const { keep, asks } = setup(
    {},
    {
      filters: (stack) =>
        stack.insertBefore('fallback', 'tenant', (next) => (req, ctx) => {
          ctx.headers.push('x-team', 'blue');
          return next(req, ctx);
        }),
    },
  );
  const red = { headers: { 'x-team': 'red' } };
  await keep({ ...MINUTE, vary: 'x-team' }, red);
  expect(await asks()).toBe(true);
  expect(await asks({ headers: { 'x-team': 'green' } })).toBe(true);
  expect(await asks(red)).toBe(false);
});

test('headers that read like others are not those', async () => {
  const { keep, asks } = setup();
  const vary = { ...MINUTE, vary: 'x-a, x-b' };
  await keep(vary, { headers: { 'x-a': '1', 'x-b': '2' } });
  expect(await asks({ headers: { 'x-a': '1\nx-b: 2' } })).toBe(true);
  expect(await asks({ headers: { 'x-a': '1","x-b","2' } })).toBe(true);
});

test.each([[{ method: 'POST' }], [{ method: 'HEAD' }], [{ body: 'query' }]])(
  '%j is neither kept nor answered',
  async (req) => {
    const { keep, asks, results } = setup();
    await keep(MINUTE, req);
    expect(await asks(req)).toBe(true);
    expect(results('miss')).toBe(0);
  },
);

test.each([
  [{ 'if-none-match': '"a"' }],
  [{ 'if-modified-since': 'Sat, 01 Jan 2000 00:00:00 GMT' }],
  [{ range: 'bytes=0-1' }],
  [{ 'cache-control': 'No-Store' }],
])('a request with %j has its own way: it is sent as it is, and nothing is kept of it', async (headers) => {
  const { call, peer, keep, results } = setup();
  await keep(MINUTE);
  const reply = call({ headers });
  const { req, ctx, reply: answer } = peer.next();
  expect(req.headers).toEqual(headers);
  expect(ctx.headers).not.toContain('if-none-match');
  answer({ status: 304 });
  expect((await reply).status).toBe(304);
  expect(results('bypass')).toBe(1);
});

test('what was kept before a request that has its own way is still there', async () => {
  const { keep, asked, given } = setup();
  await keep(MINUTE);
  await asked({ headers: { 'cache-control': 'no-store' } }, { status: 200, headers: MINUTE, body: 'Bob' });
  expect((await given()).body).toBe('Ann');
});

test.each([
  ['no-cache', 0, true],
  ['max-age=10', 10, false],
  ['max-age=10', 11, true],
  ['min-fresh=30', 30, false],
  ['min-fresh=30', 31, true],
  ['max-stale', 100, false],
  ['max-stale=10', 69, false],
  ['max-stale=10', 70, true],
  ['max-stale=much', 61, true],
])('a request that says %s asks the service, %i s later: %s', async (control, seconds, asking) => {
  const { keep, asks, after } = setup();
  await keep(MINUTE);
  await after(seconds);
  expect(await asks({ headers: { 'cache-control': control } })).toBe(asking);
});

test.each(['max-age=60, must-revalidate', 'max-age=60, proxy-revalidate', 's-maxage=60', 'max-age=60, no-cache'])(
  'what says %s is not given old, even to who would have it',
  async (control) => {
    const { keep, asks, after } = setup();
    await keep({ 'cache-control': control, etag: '"a"' });
    await after(61);
    expect(await asks({ headers: { 'cache-control': 'max-stale' } })).toBe(true);
  },
);

test('only-if-cached never asks: what is not kept is a 504', async () => {
  const { keep, given, after, results, metrics } = setup();
  const only = { headers: { 'cache-control': 'only-if-cached' } };
  expect(await given(only)).toEqual({ status: 504 });
  await keep(MINUTE);
  expect((await given(only)).body).toBe('Ann');
  await after(60);
  expect((await given(only)).status).toBe(504);
  expect([results('miss'), results('hit')]).toEqual([3, 1]);
  expect(metrics.value('calls', { service, binding: 'mock', outcome: 'failure' })).toBe(2);
});

test('what is old is asked after by its tag and its date, and a 304 makes it good again', async () => {
  const { call, peer, keep, given, after, results } = setup();
  const modified = 'Sat, 01 Jan 2000 00:00:00 GMT';
  await keep({ ...MINUTE, etag: '"a"', 'last-modified': modified, 'x-of': 'first', 'content-length': '3', age: '5' });
  await after(60);
  const reply = call();
  const arrival = peer.next();
  expect(arrival.ctx.headers.join()).toContain(`if-none-match,"a",if-modified-since,${modified}`);
  arrival.reply({
    status: 304,
    headers: { 'cache-control': 'max-age=600', etag: '"a"', 'x-of': 'second', 'x-new': 'yes', 'content-length': '0' },
  });
  const { status, headers, body } = await reply;
  expect([status, body]).toEqual([200, 'Ann']);
  expect(headers).toMatchObject({ 'x-of': 'second', 'x-new': 'yes', 'content-length': '3', age: '0' });
  await after(599);
  expect(await given()).toMatchObject({ body: 'Ann', headers: { 'x-of': 'second', age: '599' } });
  expect([results('miss'), results('revalidated'), results('hit')]).toEqual([1, 1, 1]);
});

test('a 304 without a tag is about the one that was asked after', async () => {
  const { call, peer, keep, given, after } = setup();
  await keep({ ...MINUTE, etag: '"a"' });
  await after(60);
  const reply = call();
  peer.next().reply({ status: 304 });
  expect((await reply).body).toBe('Ann');
  await after(59);
  expect((await given()).headers?.['age']).toBe('59');
});

test('a 304 about another answer is none: it is asked anew', async () => {
  const { call, peer, keep, after } = setup();
  await keep({ ...MINUTE, etag: '"a"' });
  await after(60);
  const reply = call();
  peer.next().reply({ status: 304, headers: { etag: '"b"' } });
  await settled();
  const second = peer.next();
  expect(second.ctx.headers).not.toContain('if-none-match');
  second.reply({ status: 200, body: 'Bob' });
  expect((await reply).body).toBe('Bob');
});

test('a 304 that forbids to keep it is given once, and not kept', async () => {
  const { call, peer, keep, asks, after } = setup();
  await keep({ ...MINUTE, etag: '"a"' });
  await after(60);
  const reply = call();
  peer.next().reply({ status: 304, headers: { etag: '"a"', 'cache-control': 'private' } });
  expect((await reply).body).toBe('Ann');
  expect(await asks()).toBe(true);
});

test.each([
  ['another answer', { status: 200, headers: MINUTE, body: 'Bob' }, 'Bob'],
  ['one that is not kept', { status: 200, headers: { 'cache-control': 'no-store' }, body: 'Bob' }, undefined],
  ['that it is gone', { status: 410 }, undefined],
])('what is asked after and answered with %s is forgotten', async (_, response, next) => {
  const { call, peer, keep, after, given, results } = setup();
  await keep({ ...MINUTE, etag: '"a"' });
  await after(60);
  const reply = call();
  peer.next().reply(response);
  expect(await reply).toMatchObject(response);
  expect(results('miss')).toBe(2);
  if (next !== undefined) expect((await given()).body).toBe(next);
  else {
    const later = call();
    const { ctx, reply: answer } = peer.next();
    expect(ctx.headers).not.toContain('if-none-match');
    answer({ status: 200 });
    await later;
  }
});

test('no-cache is kept to be asked after', async () => {
  const { call, peer, keep } = setup();
  await keep({ 'cache-control': 'no-cache', etag: '"a"' });
  const reply = call();
  peer.next().reply({ status: 304, headers: { etag: '"a"' } });
  expect((await reply).body).toBe('Ann');
});

test('a tag that cannot be sent back is not', async () => {
  const { call, peer, keep, after } = setup();
  await keep({ ...MINUTE, etag: '"日"' });
  await after(60);
  const reply = call();
  const { ctx, reply: answer } = peer.next();
  expect(ctx.headers).not.toContain('if-none-match');
  answer({ status: 200 });
  await reply;
});

test('what fails while it is asked after fails, and what was kept stays to be asked after', async () => {
  const { call, peer, keep, after, metrics } = setup();
  await keep({ ...MINUTE, etag: '"a"' });
  await after(60);
  const first = call();
  peer.next().reply({ status: 500 });
  expect((await first).status).toBe(500);
  const second = call();
  peer.next().fail(refused());
  expect(await outcome(second)).toMatchObject({ error: { code: 'MESH_CONNECT' } });
  const third = call();
  peer.next().reply({ status: 304 });
  expect((await third).body).toBe('Ann');
  expect(metrics.value('calls', { service, binding: 'mock', outcome: 'failure' })).toBe(1);
});

test.each([
  ['a response of 503', { status: 503 }],
  ['a refused connection', undefined],
])('stale-if-error: what is old is given instead of %s, for as long as it says', async (_, bad) => {
  const { call, peer, keep, after, results, metrics, target } = setup();
  await keep({ 'cache-control': 'max-age=60, stale-if-error=60', etag: '"a"' });
  await after(119);
  const failing = () => {
    const reply = call();
    if (bad === undefined) peer.next().fail(refused());
    else peer.next().reply(bad);
    return reply;
  };
  expect(await failing()).toMatchObject({ status: 200, body: 'Ann', headers: { age: '119' } });
  expect(results('stale')).toBe(1);
  expect(target.nodes.nodes.every(({ running }) => running === 0)).toBe(true);
  await after(1);
  const late = await outcome(failing());
  if (bad === undefined) expect(late).toMatchObject({ error: { code: 'MESH_CONNECT' } });
  else expect(late).toEqual({ value: bad });
  expect(metrics.value('calls', { service, binding: 'mock', outcome: 'success' })).toBe(2);
});

test('stale-if-error is not for who insists, nor against must-revalidate', async () => {
  const { call, peer, keep, after } = setup();
  await keep({ 'cache-control': 'max-age=60, stale-if-error=60' }, { path: '/a' });
  await keep({ 'cache-control': 'max-age=60, stale-if-error=60, must-revalidate' }, { path: '/b' });
  await after(1);
  const insisting = call({ path: '/a', headers: { 'cache-control': 'no-cache' } });
  peer.next().reply({ status: 503 });
  expect((await insisting).status).toBe(503);
  await after(60);
  const firm = call({ path: '/b' });
  peer.next().reply({ status: 503 });
  expect((await firm).status).toBe(503);
});

test('stale-while-revalidate: what is old is given at once, and asked after once beside the calls', async () => {
  const { call, peer, keep, given, after, results, clock, target } = setup();
  const idle = clock.pending;
  await keep({ 'cache-control': 'max-age=60, stale-while-revalidate=30', etag: '"a"' });
  await after(70);
  const replies = await Promise.all([call(), call(), call()]);
  expect(replies.map(({ body }) => body)).toEqual(['Ann', 'Ann', 'Ann']);
  expect([peer.waiting, results('stale')]).toEqual([1, 3]);
  const arrival = peer.next();
  expect(arrival.ctx.headers).toContain('if-none-match');
  expect(arrival.ctx.priority).toBe('sheddable');
  arrival.reply({ status: 304 });
  await settled();
  expect((await given()).headers?.['age']).toBe('0');
  expect(results('hit')).toBe(1);
  expect([target.inFlight.running, clock.pending]).toEqual([0, idle]);
});

test('stale-while-revalidate: one that fails is tried again with the next call; another answer takes its place', async () => {
  const { call, peer, keep, after, given, clock } = setup();
  const idle = clock.pending;
  await keep({ 'cache-control': 'max-age=60, stale-while-revalidate=30' });
  await after(70);
  expect((await call()).body).toBe('Ann');
  peer.next().fail(refused());
  await settled();
  expect((await call()).body).toBe('Ann');
  peer.next().reply({ status: 200, headers: MINUTE, body: 'Bob' });
  await settled();
  expect((await given()).body).toBe('Bob');
  expect(clock.pending).toBe(idle);
});

test('stale-while-revalidate: what it says is over is asked after first', async () => {
  const { keep, after, asks } = setup();
  await keep({ 'cache-control': 'max-age=60, stale-while-revalidate=30' });
  await after(90);
  expect(await asks()).toBe(true);
});

test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'PURGE'])('a %s forgets what it may have changed', async (method) => {
  const { keep, asks, asked, given } = setup();
  await keep(MINUTE, { path: '/a' });
  await keep(MINUTE, { path: '/b' });
  await asked({ method, path: '/a' }, { status: 204 });
  expect(await asks({ path: '/a' })).toBe(true);
  expect((await given({ path: '/b' })).body).toBe('Ann');
});

test('what it changed is forgotten for all, whatever their headers and baggage', async () => {
  const { call, peer, keep, asks, asked } = setup();
  const blue = () => call({}, { prepare: (ctx) => Object.assign(ctx, { baggage: 'tenant=blue' }) });
  await keep({ ...MINUTE, vary: 'x-team' }, { headers: { 'x-team': 'red' } });
  const first = blue();
  peer.next().reply({ status: 200, headers: MINUTE });
  await first;
  await asked({ method: 'PUT' }, { status: 200 });
  expect(await asks({ headers: { 'x-team': 'red' } })).toBe(true);
  const again = blue();
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 200 });
  await again;
});

test.each([
  ['location', '/b?c=d', true],
  ['content-location', 'http://players/b?c=d', true],
  ['location', 'b?c=d', true],
  ['location', 'http://others/b?c=d', false],
  ['location', 'http://[', false],
])('what it says in %s: %s is forgotten too: %s', async (name, url, forgotten) => {
  const { keep, asks, asked } = setup();
  await keep(MINUTE, { path: '/b?c=d' });
  await asked({ method: 'POST', path: '/a' }, { status: 201, headers: { [name]: url } });
  expect(await asks({ path: '/b?c=d' })).toBe(forgotten);
});

test('what was refused changed nothing; what failed may have', async () => {
  const { call, peer, keep, asks, asked, given } = setup();
  await keep(MINUTE);
  await asked({ method: 'PUT' }, { status: 409 });
  expect((await given()).body).toBe('Ann');
  await asked({ method: 'PUT' }, { status: 500 });
  expect(await asks()).toBe(true);
  await keep(MINUTE);
  const cut = call({ method: 'PUT' });
  peer.next().fail(new Error('reset'));
  await outcome(cut);
  expect(await asks()).toBe(true);
});

test('an answer that was on its way when something changed is not kept', async () => {
  const { call, peer, asked, asks } = setup();
  const reply = call();
  const arrival = peer.next();
  await asked({ method: 'PUT' }, { status: 200 });
  arrival.reply({ status: 200, headers: MINUTE, body: 'of before' });
  await reply;
  expect(await asks()).toBe(true);
});

test('what it has is given when the breaker is open, and is no success of the service', async () => {
  const { call, peer, keep, given, target, results } = setup({}, { health: false });
  await keep({ 'cache-control': 'max-age=600' });
  for (let i = 0; i < 100; i++) await given();
  for (let i = 0; i < 19; i++) {
    const reply = call({ path: '/other' });
    peer.next().fail(refused());
    await outcome(reply);
  }
  expect(target.breaker?.state).toBe('open');
  expect(await outcome(call({ path: '/other' }))).toMatchObject({ error: { code: 'MESH_BREAKER_OPEN' } });
  expect((await given()).body).toBe('Ann');
  expect([results('hit'), target.breaker?.state]).toEqual([101, 'open']);
});

test('a fallback is not kept, and answers what was not kept', async () => {
  const { call, peer } = setup({}, { fallback: { answer: { headers: MINUTE, body: 'instead' } } });
  for (let i = 0; i < 2; i++) {
    const reply = call();
    peer.next().fail(refused());
    expect((await reply).body).toBe('instead');
  }
});

test('how old the last good answer of a fallback is counts from when the service gave it', async () => {
  const { call, peer, keep, given, after } = setup({}, { fallback: { staleMs: 90 * SECOND } });
  await keep(MINUTE);
  await after(59);
  await given();
  await after(30);
  const reply = call();
  peer.next().fail(refused());
  expect(await reply).toMatchObject({ body: 'Ann', headers: { age: '89' } });
  await after(2);
  const late = call();
  peer.next().fail(refused());
  expect(await outcome(late)).toMatchObject({ error: { code: 'MESH_CONNECT' } });
});

test('a mirror is sent though its answer is kept', async () => {
  const { call, peer, keep } = setup({}, { mirror: { service: 'next', ratio: 1 }, others: ['next'] });
  const copied = async () => {
    await settled();
    const { ctx, reply } = peer.next();
    expect(ctx.target).toBe('next');
    reply({ status: 200, headers: MINUTE });
    await settled();
  };
  await keep(MINUTE);
  await copied();
  expect((await call()).body).toBe('Ann');
  await copied();
});

test('a filter that says that a 200 is a failure is heeded', async () => {
  const { keep, asks } = setup(
    {},
    {
      filters: (stack) =>
        stack.insertAfter('classify', 'maintenance', (next) => async (req, ctx) => {
          const res = await next(req, ctx);
          ctx.verdict = 'failure';
          return res;
        }),
    },
  );
  await keep(MINUTE);
  expect(await asks()).toBe(true);
});

test('one answer for all who share a request is kept', async () => {
  const { call, peer, given } = setup({}, { singleFlight: {} });
  const replies = [call(), call()];
  expect(peer.waiting).toBe(1);
  peer.next().reply({ status: 200, headers: MINUTE, body: 'Ann' });
  await Promise.all(replies);
  expect((await given()).body).toBe('Ann');
});

test('a caller that gave up gets nothing, and one that gives up while it is asked after hears at once', async () => {
  const { call, peer, keep, after, clock } = setup();
  const idle = clock.pending;
  await keep({ 'cache-control': 'max-age=60, stale-if-error=600', etag: '"a"' });
  expect(await outcome(call({}, { signal: AbortSignal.abort() }))).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
  await after(60);
  const controller = new AbortController();
  const reply = call({}, { signal: controller.signal });
  const { ctx } = peer.next();
  controller.abort();
  expect(await outcome(reply)).toMatchObject({ error: { code: 'MESH_CANCELLED' } });
  expect(ctx.cancelled).toBeDefined();
  expect(clock.pending).toBe(idle);
});

test('so many answers are kept, those used last, and none that is long', async () => {
  const { keep, asks } = setup({ maxEntries: 2, maxEntryBytes: 5 });
  const path = (name: string) => ({ path: `/${name}` });
  await keep(MINUTE, path('a'));
  await keep(MINUTE, path('b'));
  expect(await asks(path('a'))).toBe(false);
  await keep(MINUTE, path('c'));
  expect([await asks(path('a')), await asks(path('b'))]).toEqual([false, true]);
  await keep(MINUTE, path('long'), 'a long body');
  expect(await asks(path('long'))).toBe(true);
});

test('all of them together take no more than is said', async () => {
  const { keep, asks } = setup({ maxBytes: 10_000 });
  for (let i = 0; i < 20; i++) await keep(MINUTE, { path: `/${i}` }, 'x'.repeat(1_000));
  const kept = await Promise.all(Array.from({ length: 20 }, async (_, i) => !(await asks({ path: `/${i}` }))));
  expect(kept.indexOf(true)).toBe(16);
});

test.each([
  [{ maxEntries: 0 }, 'cache.maxEntries must be an integer from 1 to 1000000, not 0'],
  [{ maxBytes: 1 }, 'cache.maxBytes must be an integer from 1024 to 4294967296, not 1'],
  [{ maxBytes: 2_048, maxEntryBytes: 4_096 }, 'cache.maxEntryBytes must be an integer from 0 to 2048, not 4096'],
  [{ ttl: 1 }, "cache has no option 'ttl'; it knows maxEntries, maxBytes, maxEntryBytes"],
])('options that make no sense are refused: %j', (options, message) => {
  expect(() => setup(options as CacheOptions)).toThrow(message);
});
