import { expect, test, vi } from 'vitest';
import type { LoadReport } from '../../src/balancer/load-report.ts';
import { harness, settled } from '../support/harness.ts';

/** A stack whose balancer remembers what was reported to it. */
function setup(options: Parameters<typeof harness>[0] = {}) {
  const made = harness(options);
  const reported = vi.spyOn(made.target.nodes, 'reported');
  const reports = () => reported.mock.calls.map(([node, report]): [string, LoadReport] => [node.endpoint.id, report]);
  /** One call that is answered with these headers after `ms`. */
  const answered = async (headers: Readonly<Record<string, string>>, ms = 0, status = 200) => {
    const reply = made.call({ method: 'POST' });
    const arrival = made.peer.next();
    await made.clock.advance(ms);
    arrival.reply({ status, headers });
    await settled();
    return { reply, arrival };
  };
  return { ...made, reports, answered };
}

test('what a server says of its load reaches its node', async () => {
  const { answered, reports, target } = setup();
  const { arrival } = await answered({ 'mesh-load': '3;12.5' }, 40);
  expect(reports()).toEqual([[arrival.ctx.endpoint?.id, { rif: 3, serviceMs: 12.5 }]]);
  expect(target.nodes.means.rif.value).toBe(3);
  expect(target.nodes.means.serviceMs.value).toBe(12.5);
});

test('the load comes with an error and with a refusal too', async () => {
  const { answered, reports } = setup({ retry: false });
  await answered({ 'mesh-load': '1;10' }, 0, 500);
  await answered({ 'mesh-load': '2;10', 'mesh-nack': 'expired' }, 0, 504);
  expect(reports().map(([, { rif }]) => rif)).toEqual([1, 2]);
});

test('a server that says nothing reports nothing', async () => {
  const { answered, reports, target, seen } = setup();
  await answered({}, 40);
  expect(reports()).toEqual([]);
  expect(target.nodes.means.rif.count).toBe(0);
  expect(seen).toEqual([]);
});

test('a utilisation counts as the requests that no server has fewer of at it', async () => {
  const { answered, reports } = setup();
  await answered({ 'mesh-load': '3;12;0.5' });
  await answered({ 'mesh-load': '3;12;0.8' });
  await answered({ 'mesh-load': '3;12;7' });
  expect(reports().map(([, { rif, utilisation }]) => [Math.round(rif * 1e6) / 1e6, utilisation])).toEqual([
    [3, 0.5],
    [4, 0.8],
    [99, 7],
  ]);
});

test('an ORCA report alone stands in with the time that was measured here', async () => {
  const { answered, reports } = setup();
  await answered({ 'endpoint-load-metrics': 'TEXT cpu_utilization=0.5, rps_fractional=120' }, 40);
  expect(reports().map(([, report]) => report)).toEqual([{ rif: 1, serviceMs: 40, utilisation: 0.5 }]);
});

test('an ORCA report beside that of the mesh adds its utilisation, unless that has one', async () => {
  const { answered, reports } = setup();
  const orca = { 'endpoint-load-metrics': 'JSON {"application_utilization": 0.9}' };
  await answered({ 'mesh-load': '3;12', ...orca });
  await answered({ 'mesh-load': '3;12;0.5', ...orca });
  expect(reports().map(([, { rif, serviceMs, utilisation }]) => [Math.round(rif), serviceMs, utilisation])).toEqual([
    [9, 12, 0.9],
    [3, 12, 0.5],
  ]);
});

test('an ORCA report without a utilisation is none, and nothing to tell of', async () => {
  const { answered, reports, metrics } = setup();
  await answered({ 'endpoint-load-metrics': 'TEXT rps_fractional=120' });
  expect(reports()).toEqual([]);
  expect(metrics.value('load_reports_ignored', { service: 'players' })).toBe(0);
});

test('what cannot be read is ignored, counted, and told once per endpoint', async () => {
  const { answered, reports, metrics, events } = setup({ endpoints: 1 });
  const rejected: unknown[] = [];
  events.on('rejected', (event) => rejected.push(event));
  for (const load of ['-1;5', 'x'.repeat(1_000), '1;2, 3;4']) {
    const { reply } = await answered({ 'mesh-load': load });
    expect((await reply).status).toBe(200);
  }
  await answered({ 'endpoint-load-metrics': 'TEXT cpu_utilization=lots' });
  expect(reports()).toEqual([]);
  expect(metrics.value('load_reports_ignored', { service: 'players' })).toBe(4);
  expect(rejected).toEqual([
    {
      source: "responses of 'players'",
      id: '10.0.0.1:8080',
      reason: "mesh-load '-1;5' is no load report",
    },
  ]);
});

test('a mesh-load that cannot be read does not hide an ORCA report', async () => {
  const { answered, reports } = setup();
  await answered({ 'mesh-load': 'broken', 'endpoint-load-metrics': 'TEXT cpu_utilization=0.5' }, 10);
  expect(reports().map(([, report]) => report)).toEqual([{ rif: 1, serviceMs: 10, utilisation: 0.5 }]);
});
