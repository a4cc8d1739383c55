import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMeshLoad } from '../../src/filters/mesh-load.ts';
import { orcaUtilisation } from '../../src/filters/orca.ts';

test.each([
  ['0;0', { rif: 0, serviceMs: 0 }],
  ['3;12.34', { rif: 3, serviceMs: 12.34 }],
  ['2.5;7', { rif: 2.5, serviceMs: 7 }],
  ['1000000;1000000', { rif: 1_000_000, serviceMs: 1_000_000 }],
  ['3;12;0.75', { rif: 3, serviceMs: 12, utilisation: 0.75 }],
  ['3;12;0', { rif: 3, serviceMs: 12, utilisation: 0 }],
  ['3;12;0.75;of;later', { rif: 3, serviceMs: 12, utilisation: 0.75 }],
  ['007;00.50', { rif: 7, serviceMs: 0.5 }],
])('a mesh-load of "%s" is read', (text, report) => {
  expect(parseMeshLoad(text)).toEqual(report);
});

test.each([
  '',
  ';',
  '3',
  '3;',
  ';3',
  '3;;',
  '3;4;',
  '-1;4',
  '3;-4',
  '+3;4',
  ' 3;4',
  '3; 4',
  '3;4 ',
  '.5;4',
  '5.;4',
  '1.2.3;4',
  '1e3;4',
  '0x10;4',
  'NaN;4',
  'Infinity;4',
  '3;Infinity',
  '1000001;4',
  '3;1000000.1',
  '3;4;1000001',
  '3;4;half',
  '3;4, 5;6',
  '٣;4',
  `3;${'1'.repeat(63)}`,
  `3;4;0.5;${'x'.repeat(64)}`,
])('a mesh-load of "%s" is none', (text) => {
  expect(parseMeshLoad(text)).toBe(undefined);
});

test('what a server of the mesh can write is read as it was meant, and all else is none or within bounds', () => {
  const number = fc.double({ min: 0, max: 1_000_000, noNaN: true }).map((value) => Math.round(value * 100) / 100);
  fc.assert(
    fc.property(number, number, (rif, serviceMs) => {
      const read = parseMeshLoad(`${rif};${serviceMs}`);
      expect(read?.rif).toBeCloseTo(rif, 6);
      expect(read?.serviceMs).toBeCloseTo(serviceMs, 6);
    }),
  );
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789.;-e') }));
  fc.assert(
    fc.property(text, (header) => {
      const read = parseMeshLoad(header);
      for (const value of Object.values(read ?? {})) expect(value >= 0 && value <= 1_000_000).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['TEXT cpu_utilization=0.3', 0.3],
  ['TEXT cpu_utilization=0.3, rps_fractional=120, named_metrics.queue=7', 0.3],
  ['TEXT rps_fractional=120,application_utilization=0.9,cpu_utilization=0.3', 0.9],
  ['TEXT application_utilization=0,cpu_utilization=0.3', 0.3],
  ['TEXT cpu_utilization=1.5', 1.5],
  ['TEXT cpu_utilization=1e-1', 0.1],
  ['JSON {"cpu_utilization": 0.3, "mem_utilization": 0.8, "named_metrics": {"queue": 7}}', 0.3],
  ['JSON {"cpuUtilization": 0.3, "applicationUtilization": 0.4}', 0.4],
  ['JSON {"application_utilization": 0, "cpu_utilization": 0.3}', 0.3],
])('an ORCA report of %s has a utilisation', (header, utilisation) => {
  expect(orcaUtilisation(header)).toBe(utilisation);
});

test.each([
  'TEXT rps_fractional=120',
  'TEXT cpu_utilization=0',
  'TEXT named_metrics.cpu_utilization=0.5',
  'JSON {}',
  'JSON {"named_metrics": {"cpu_utilization": 0.5}}',
  'JSON {"__proto__": {"cpu_utilization": 0.5}}',
])('an ORCA report of %s has none', (header) => {
  expect(orcaUtilisation(header)).toBe('none');
});

test.each([
  '',
  ' ',
  'TEXT',
  'TEXT ',
  'TEXT cpu_utilization',
  'TEXT cpu_utilization=',
  'TEXT cpu_utilization=high',
  'TEXT cpu_utilization=-0.1',
  'TEXT cpu_utilization=NaN',
  'TEXT cpu_utilization=Infinity',
  'TEXT cpu_utilization=1001',
  'TEXT cpu_utilization=0.3,',
  'text cpu_utilization=0.3',
  'cpu_utilization=0.3',
  'JSON',
  'JSON {',
  'JSON null',
  'JSON [0.3]',
  'JSON 0.3',
  'JSON {"cpu_utilization": "0.3"}',
  'JSON {"cpu_utilization": -1}',
  'JSON {"cpu_utilization": 1e400}',
  'BIN CXsUrkfhelQ/',
  `TEXT cpu_utilization=0.3,x=${'1'.repeat(4_096)}`,
  `JSON {"cpu_utilization": 0.3, "x": ${'['.repeat(5_000)}`,
])('an ORCA report of "%s" cannot be read', (header) => {
  expect(orcaUtilisation(header)).toBe(undefined);
});

test('whatever an ORCA header says, it is a utilisation from 0 to 1,000 or none', () => {
  const json = fc.json().map((text) => `JSON ${text}`);
  const text = fc
    .array(fc.tuple(fc.constantFrom('cpu_utilization', 'application_utilization', 'eps', '__proto__'), fc.string()))
    .map((fields) => `TEXT ${fields.map((field) => field.join('=')).join(',')}`);
  fc.assert(
    fc.property(fc.oneof(fc.string(), json, text), (header) => {
      const read = orcaUtilisation(header);
      expect(read === undefined || read === 'none' || (read > 0 && read <= 1_000)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
