import { leastLoaded } from '../../src/balancer/pickers/least-loaded.ts';
import { maglev } from '../../src/balancer/pickers/maglev.ts';
import { p2c } from '../../src/balancer/pickers/p2c.ts';
import { peakEwma } from '../../src/balancer/pickers/peak-ewma.ts';
import { randomPicker } from '../../src/balancer/pickers/random.ts';
import { recall } from '../../src/balancer/pickers/recall.ts';
import { ringHash } from '../../src/balancer/pickers/ring-hash.ts';
import { roundRobin } from '../../src/balancer/pickers/round-robin.ts';
import { weightedRoundRobin } from '../../src/balancer/pickers/weighted-round-robin.ts';
import { pickerContract } from './picker-contract.ts';

pickerContract('recall', { make: recall, weights: 0.01, compares: true });
pickerContract('p2c', { make: p2c, weights: 0.01, compares: true });
pickerContract('peak-ewma', { make: peakEwma, weights: 0.01, compares: true });
pickerContract('least-loaded', { make: leastLoaded, weights: 0.01, compares: true });
pickerContract('round-robin', { make: roundRobin, weights: 'none' });
pickerContract('weighted-round-robin', { make: weightedRoundRobin, weights: 0.01 });
pickerContract('random', { make: randomPicker, weights: 0.01 });
pickerContract('ring-hash', { make: ringHash, weights: 0.01, tables: true });
pickerContract('ring-hash with bounded load', {
  make: (random, clock) => ringHash(random, clock, 1.25),
  weights: 0.01,
  tables: true,
});
pickerContract('maglev', { make: maglev, weights: 0.01, tables: true });
