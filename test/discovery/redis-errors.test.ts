import { expect, test } from 'vitest';
import { evictionRisk } from '../../src/discovery/redis/eviction.ts';
import { isPermanent, isUnknownScript } from '../../src/discovery/redis/redis-errors.ts';

/** An answer of Redis, as the client makes an error of it. */
function refusal(message: string): Error {
  return Object.defineProperty(new Error(message), 'name', { value: 'ReplyError' });
}

const withCode = (code: string) => Object.assign(new Error('of the socket'), { code });

test.each([
  'LOADING Redis is loading the dataset in memory',
  'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
  'UNKILLABLE Sorry the script already executed write commands against the dataset.',
  "READONLY You can't write against a read only replica. script: 1, on @user_script:1.",
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  'NOREPLICAS Not enough good replicas to write.',
  'CLUSTERDOWN The cluster is down',
  'CLUSTERDOWN Hash slot not served',
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'MOVED 3999 127.0.0.1:6381',
  'ASK 3999 127.0.0.1:6381',
  'NOSCRIPT No matching script. Please use EVAL.',
  'ERR max number of clients reached',
  "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -READONLY You can't write against a read only replica.",
])('F13: %s: passes by itself', (message) => {
  expect(isPermanent(refusal(message))).toBe(false);
});

test.each([
  "OOM command not allowed when used memory > 'maxmemory'. script: 1, on @user_script:1.",
  'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.',
  'NOAUTH Authentication required.',
  'WRONGPASS invalid username-password pair or user is disabled.',
  "NOPERM this user has no permissions to run the 'evalsha' command",
  'ERR AUTH <password> called without any password configured for the default user.',
  "ERR unknown command 'EVALSHA', with args beginning with: ",
  'WRONGTYPE Operation against a key holding the wrong kind of value',
  'BUSYGROUP Consumer Group name already exists',
  'DENIED Redis is running in protected mode',
  "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not allowed when used memory > 'maxmemory'.",
])('F13: %s: takes a person', (message) => {
  expect(isPermanent(refusal(message))).toBe(true);
});

test('F13: the way to Redis heals by itself, unless what is there is not the Redis that was meant', () => {
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'])
    expect([code, isPermanent(withCode(code))]).toEqual([code, false]);
  for (const code of ['CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_TLS_CERT_ALTNAME_INVALID'])
    expect([code, isPermanent(withCode(code))]).toEqual([code, true]);
  expect(isPermanent(new Error('Command timed out'))).toBe(false);
  expect(isPermanent(new Error('Unknown RESP type 72 "H". Please report this.'))).toBe(true);
  expect(isPermanent('WRONGPASS')).toBe(false);
});

test('F13: what a Cluster could not be reached by is what its last node said', () => {
  const failed = (lastNodeError: Error) =>
    Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError });
  expect(isPermanent(failed(refusal('WRONGPASS invalid username-password pair')))).toBe(true);
  expect(isPermanent(failed(withCode('ECONNREFUSED')))).toBe(false);
});

test('a script that Redis has not seen is told from one that failed', () => {
  expect(isUnknownScript(refusal('NOSCRIPT No matching script.'))).toBe(true);
  expect(isUnknownScript(refusal('ERR no such key'))).toBe(false);
});

test('F14: only a policy that evicts what never expires, with a bound, endangers what is registered', () => {
  const info = (policy: string, bound = 1_000_000) =>
    `# Memory\r\nused_memory:1\r\nmaxmemory:${bound}\r\nmaxmemory_human:1M\r\nmaxmemory_policy:${policy}\r\n`;
  for (const policy of ['noeviction', 'volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl'])
    expect([policy, evictionRisk(info(policy))]).toEqual([policy, undefined]);
  for (const policy of ['allkeys-lru', 'allkeys-lfu', 'allkeys-random'])
    expect(evictionRisk(info(policy))).toContain(`maxmemory-policy is ${policy}`);
  expect(evictionRisk(info('allkeys-lru', 0))).toBeUndefined();
  expect(evictionRisk('')).toBeUndefined();
});
