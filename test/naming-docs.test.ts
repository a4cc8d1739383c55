import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compileRules, type NameRules } from '../src/discovery/delegation/name-rules.ts';
import { endsOf, expandName } from '../src/discovery/delegation/name-tree.ts';
import type { Mesh } from '../src/index.ts';
import { listen } from './server/support.ts';
import { DocCode } from './support/doc-code.ts';

interface Left {
  readonly mesh: Mesh;
  readonly roster: { readonly who: number };
  readonly explained?: string;
}

const document = new DocCode('docs/naming.md', 'test/.naming');
const servers = [0, 1].map((who) => createServer((_req, res) => res.end(JSON.stringify({ who }))));
const opened: Left[] = [];
let addresses: Readonly<Record<string, string>> = {};

beforeAll(async () => {
  const [first, second] = await Promise.all(servers.map((server) => listen(server)));
  const folder = await mkdtemp(join(tmpdir(), 'heddle-naming-'));
  // A Redis at an address where there is none: the lists in code are there for that.
  addresses = { '3000': String(first), '3001': String(second), '127.0.0.1:6379': '127.0.0.1:1', '.heddle': folder };
});
afterAll(async () => {
  for (const { mesh } of opened) await mesh.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await document.close();
  if (addresses['.heddle'] !== undefined) await rm(addresses['.heddle'], { recursive: true, force: true });
});

async function run(title: string, names = 'mesh, roster'): Promise<Left> {
  const left = await document.run<Left>(title, names, addresses);
  opened.push(left);
  return left;
}

test('the blocks of docs/naming.md do what they say', async () => {
  const split = await run('one call in ten goes to the new version', 'mesh, roster, explained');
  expect(split.explained).toContain('players-v1: 1 known, current, 90 %');
  expect((await run('Redis, and a list for when it knows nobody')).roster.who).toBe(0);
  expect((await run('one request goes to a canary, wherever on its way players is called')).roster.who).toBe(1);
});

test('the rules in the table of docs/naming.md mean what it says', () => {
  const text = readFileSync(new URL('../docs/naming.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `([^|]*:[^|]*)` \| (.*) \|$/gm)].map(([, rule = '', means = '']) => {
    const json = rule.replaceAll("'", '"').replaceAll(/([{,] ?|^)([a-z]\w*):/g, '$1"$2":');
    const rules: NameRules = JSON.parse(`{${json}}`);
    const { tree } = expandName('players', compileRules('names', rules));
    return [means, endsOf(tree).map(({ name }) => name)] as const;
  });
  expect(rows.length).toBe(6);
  for (const [means, names] of rows) {
    const written = [...means.matchAll(/`([a-z][\w-]*)`/g)].map(([, name]) => name);
    if (means.includes('a split')) expect(names.slice(0, 1)).toEqual(written);
    else expect(names).toEqual(written);
  }
});
