/** For tests of code that uses the mesh: time and chance that a test holds in its hand. Published as `heddle/testing`. */
export { ManualClock } from './manual-clock.ts';
export { type Arrival, MockPeer, type MockRequest, type MockResponse } from './mock-peer.ts';
export { seededRandom } from './seeded-random.ts';
