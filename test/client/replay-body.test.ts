import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { ReplayBody } from '../../src/client/node-http/replay-body.ts';

function sink() {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
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
