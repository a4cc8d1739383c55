import { Writable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReplayBody } from '../../src/client/node-http/replay-body.ts';
import { bytes } from '../support/servers.ts';

function sink() {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  const sent = () => Buffer.concat(chunks);
  return { stream, sent, text: () => sent().toString() };
}

/** Writes to `body`, and tells whether its writer may go on. */
function write(body: ReplayBody, text: string): () => boolean {
  let done = false;
  body.write(Buffer.from(text), 'utf8', () => {
    done = true;
  });
  return () => done;
}

const long = 'x'.repeat(64 * 1024);
const never = () => expect.unreachable();

test('what fits is taken at once, and given to every attempt', () => {
  const body = new ReplayBody();
  expect(write(body, 'one ')()).toBe(true);
  const [first, second] = [sink(), sink()];
  body.sendTo(first.stream, never);
  expect(write(body, 'two')()).toBe(true);
  first.stream.destroy();
  body.sendTo(second.stream, never);
  body.end();
  expect([first.text(), second.text(), second.stream.writableEnded]).toEqual(['one two', 'one two', true]);
});

test('what does not fit waits for a connection, and then the body cannot be sent again', () => {
  const body = new ReplayBody();
  let outgrown = 0;
  const { stream, text } = sink();
  write(body, long);
  const waiting = write(body, 'more');
  body.sendTo(stream, () => outgrown++);
  expect([waiting(), outgrown, text().length]).toEqual([false, 0, long.length]);
  body.connected(stream);
  expect([outgrown, text()]).toEqual([1, `${long}more`]);
  write(body, ' and more');
  expect([outgrown, text()]).toEqual([1, `${long}more and more`]);
});

test('a connection of an attempt that is past counts for nothing', () => {
  const body = new ReplayBody();
  const [first, second] = [sink(), sink()];
  body.sendTo(first.stream, never);
  body.sendTo(second.stream, never);
  const waiting = write(body, `${long}more`);
  body.connected(first.stream);
  expect([waiting(), first.text(), second.text()]).toEqual([false, '', '']);
});

test.each([false, true])('when the call is over no writer waits in vain (an attempt was made: %s)', (attempted) => {
  const body = new ReplayBody();
  const { stream } = sink();
  if (attempted) body.sendTo(stream, never);
  stream.destroy();
  const waiting = write(body, `${long}more`);
  expect(waiting()).toBe(false);
  body.settle();
  expect(waiting()).toBe(true);
  expect(write(body, 'still more')()).toBe(true);
});

test('F66: whenever attempts fail, each is sent the body from its beginning, every piece once', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('write' as const), size: fc.integer({ min: 1, max: 40_000 }) }),
    fc.record({ do: fc.constantFrom('attempt' as const, 'connect' as const, 'fail' as const) }),
  );
  const all = bytes(1_000_000);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const body = new ReplayBody();
      const attempts: ReturnType<typeof sink>[] = [];
      let written = 0;
      let waiting = false;
      let outgrown = false;
      for (const one of steps) {
        const latest = attempts.at(-1)?.stream;
        // A writer that was held back waits, and a body that outgrew what is kept is sent to nobody else.
        if (one.do === 'write' && !waiting) {
          waiting = true;
          body.write(all.subarray(written, written + one.size), 'utf8', () => {
            waiting = false;
          });
          written += one.size;
        } else if (one.do === 'attempt' && !outgrown) {
          latest?.destroy();
          const { stream, text, sent } = sink();
          attempts.push({ stream, text, sent });
          body.sendTo(stream, () => {
            outgrown = true;
          });
        } else if (one.do === 'connect' && latest !== undefined) {
          body.connected(latest);
        } else if (one.do === 'fail') {
          latest?.destroy();
        }
      }
      for (const { sent } of attempts) expect(sent().equals(all.subarray(0, sent().length))).toBe(true);
      const last = attempts.at(-1);
      if (last?.stream.destroyed === false && !waiting) expect(last.sent().length).toBe(written);
    }),
    { numRuns: 500 },
  );
});
