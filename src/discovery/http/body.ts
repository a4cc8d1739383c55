import type { IncomingMessage } from 'node:http';
import { fieldsOf } from './fields-of.ts';
import { HttpStatusError } from './http-error.ts';

/** Ten thousand endpoints, told in one answer, have some 4 MB. */
const MAX_BODY_BYTES = 32 * 1_024 * 1_024;
const MAX_REFUSAL_BYTES = 4_096;

/** What the JSON of an answer holds; its text when that is none. Rejects when it is too long, or breaks off. */
export async function jsonOf(response: IncomingMessage): Promise<unknown> {
  return parsed(await textOf(response, MAX_BODY_BYTES));
}

/** The error that an answer stands for whose status is not good, with the reason that it gives. */
export async function refusalOf(response: IncomingMessage): Promise<HttpStatusError> {
  const { statusCode = 0, headers } = response;
  const said = await textOf(response, MAX_REFUSAL_BYTES).catch(() => ''); // the status says enough
  return new HttpStatusError(statusCode, reasonIn(said), headers['retry-after']);
}

async function textOf(response: IncomingMessage, maxBytes: number): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response) {
    const bytes = piece as Buffer; // nobody has set an encoding
    size += bytes.length;
    if (size > maxBytes) throw new Error(`it sent an answer of more than ${maxBytes} bytes`);
    pieces.push(bytes);
  }
  return Buffer.concat(pieces).toString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Kubernetes refuses with an object that has a `message`, Consul with a line of text. */
function reasonIn(text: string): string {
  const { message } = fieldsOf(parsed(text));
  return typeof message === 'string' ? message : text;
}
