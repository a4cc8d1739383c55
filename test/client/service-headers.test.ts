import { afterEach, expect, test } from 'vitest';
import type { Attempt, MeshEvents, SendOptions, ServiceOptions } from '../../src/index.ts';
import { createMesh, type Mesh, meshOf } from '../../src/index.ts';
import { ManualClock, seededRandom } from '../../src/testing/entry.ts';
import { outcome, settled } from '../support/harness.ts';
import { counted } from './setup.ts';

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Sent {
  readonly attempt: Attempt;
  readonly answer: (answer: Answer) => Promise<void>;
}

const meshes: Mesh[] = [];
afterEach(async () => {
  await Promise.all(meshes.splice(0).map((mesh) => mesh.close()));
});

const reading: SendOptions<string, Answer> = { responseHeader: ({ headers }, name) => headers?.[name] };
const fine: Answer = { status: 200 };

/** A service `ledger` of three instances, which two functions call: one that reads headers of responses, and one that does not. */
function setup(options: SendOptions<string, Answer> = {}, defaults: ServiceOptions = {}) {
  const clock = new ManualClock();
  const mesh = createMesh({
    self: { service: 'teams' },
    registry: { ledger: ['http://10.0.0.1:80', 'http://10.0.0.2:80', 'http://10.0.0.3:80'] },
    logger: false,
    opentelemetry: false,
    clock,
    random: seededRandom(1),
    defaults: { retry: { baseMs: 0, maxMs: 0 }, ...defaults },
  });
  meshes.push(mesh);
  const sent: Sent[] = [];
  const send = (_: string, attempt: Attempt) =>
    new Promise<Answer>((resolve) => {
      sent.push({
        attempt,
        async answer(answer) {
          resolve(answer);
          await settled();
        },
      });
    });
  const quiet =
    (call: (request: string) => Promise<Answer>) =>
    (request = 'read') => {
      const reply = call(request);
      reply.catch(() => {});
      return reply;
    };
  const hearing = quiet(mesh.service<string, Answer>('ledger', send, { ...reading, ...options }));
  const deaf = quiet(mesh.service<string, Answer>('ledger', send));
  const next = () => {
    const one = sent.shift();
    if (one === undefined) throw new Error('nothing was sent');
    return one;
  };
  /** Has each instance answer that so many requests are in flight there. */
  const report = async (load: string) => {
    const replies = [hearing(), hearing(), hearing()];
    for (const { answer } of sent.splice(0)) await answer({ status: 200, headers: { 'mesh-load': load } });
    await Promise.all(replies);
  };
  const faults: MeshEvents['fault'][] = [];
  mesh.on('fault', (fault) => faults.push(fault));
  return { clock, mesh, hearing, deaf, sent, next, report, faults };
}

const softNack: ServiceOptions = { balancer: { kind: 'recall', softNack: true } };
const nack = (said: string): Answer => ({ status: 503, headers: { 'mesh-nack': said } });

test('a function that cannot read a refusal sends no limit; one that can does', async () => {
  const { hearing, deaf, next, report } = setup({}, softNack);
  await report('6;30');
  void hearing();
  expect(next().attempt.headers['mesh-limit']).toBe('7');
  void deaf();
  expect(next().attempt.headers).not.toHaveProperty('mesh-limit');
});

test('what servers say of their load with a response is heard, and only with the option', async () => {
  const load: Answer = { status: 200, headers: { 'mesh-load': '7;12.5', 'endpoint-load-metrics': 'TEXT ?' } };
  for (const by of ['hearing', 'deaf'] as const) {
    const { mesh, next, ...functions } = setup();
    const reply = functions[by]();
    await next().answer(load);
    expect(await reply).toBe(load);
    const taken = mesh.explain('ledger').endpoints.map((one) => one.load.serviceMs);
    expect(taken.includes(12.5)).toBe(by === 'hearing');
    expect(counted(mesh, 'load_reports_ignored')).toBe(by === 'hearing' ? 1 : 0);
  }
});

test('a call that a busy server refuses goes to another, charged to nobody, whatever its verdict would be', async () => {
  const { mesh, hearing, next, report } = setup({ classify: () => 'success' }, softNack);
  await report('6;30');
  const reply = hearing();
  const first = next();
  await first.answer(nack('busy'));
  const second = next();
  expect(second.attempt.endpoint.id).not.toBe(first.attempt.endpoint.id);
  expect(second.attempt.attempt).toBe(1);
  await second.answer(fine);
  expect(await reply).toBe(fine);
  expect(counted(mesh, 'busy_refusals')).toBe(1);
  expect(counted(mesh, 'retries')).toBe(0);
  expect(counted(mesh, 'attempts', { outcome: 'failure' })).toBe(0);
});

test.each([
  ['overloaded', 'MESH_REFUSED', 'overload'],
  ['rate', 'MESH_REFUSED', 'overload'],
  ['expired', 'MESH_REFUSED', 'nack'],
  ['misdirected', 'MESH_MISDIRECTED', undefined],
])(
  'a refusal that says %s is freed and goes elsewhere, idempotent or not; the last is the error of the call',
  async (said, code, reason) => {
    const freed: Answer[] = [];
    const { hearing, next } = setup({ discard: (response) => freed.push(response) }, { retry: { attempts: 2 } });
    const moved = hearing('write');
    const refusal = nack(said);
    await next().answer(refusal);
    expect(freed).toEqual([refusal]);
    await settled();
    await next().answer(fine);
    expect(await moved).toBe(fine);

    const refused = hearing('write');
    await next().answer(refusal);
    await next().answer(refusal);
    const { error } = (await outcome(refused)) as { readonly error: unknown }; // it was refused twice
    expect(error).toMatchObject({ code, ...(reason === undefined ? {} : { reason }) });
    expect(meshOf(error)?.attempts).toHaveLength(2);
  },
);

test('without the option a refusal is a response like any other', async () => {
  const { deaf, next } = setup();
  const refusal = nack('overloaded');
  const reply = deaf();
  await next().answer(refusal);
  expect(await reply).toBe(refusal);
});

test('a pause that a server asks for is kept, and what it retried in vain is not sent again', async () => {
  const { clock, hearing, next, sent } = setup({
    idempotent: () => true,
    classify: (told) => ('response' in told && told.response.status >= 500 ? 'retryable' : undefined),
  });
  const paused = hearing();
  await next().answer({ status: 503, headers: { 'retry-after': '2' } });
  await clock.advance(1_999);
  expect(sent).toHaveLength(0);
  await clock.advance(1);
  await next().answer(fine);
  expect(await paused).toBe(fine);

  const inVain: Answer = { status: 503, headers: { 'mesh-retried': '1' } };
  const told = hearing();
  await next().answer(inVain);
  expect(await told).toBe(inVain);
});

test('F83: what the function throws, or gives wrongly, is counted and told, and the response has no headers', async () => {
  const given: (() => string)[] = [
    () => {
      throw new Error('a bug');
    },
    () => 7 as never,
  ];
  for (const responseHeader of given) {
    const { mesh, hearing, next, faults } = setup({ responseHeader });
    const refusal = nack('overloaded');
    const reply = hearing();
    await next().answer(refusal);
    expect(await reply).toBe(refusal);
    expect(counted(mesh, 'filter_faults', { filter: 'responseHeader', fault: 'hook' }) > 0).toBe(true);
    expect(faults.map(({ source }) => source)).toEqual(["filter 'responseHeader' of 'ledger'"]);
  }
});

test('anything else than a function is refused when it is made', () => {
  const { mesh } = setup();
  expect(() => mesh.service('ledger', async () => fine, { responseHeader: 'headers' as never })).toThrow(
    "service('ledger').responseHeader must be a function, not 'headers'",
  );
});
