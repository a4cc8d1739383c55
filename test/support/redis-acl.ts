import { readFileSync } from 'node:fs';
import type { RedisServer } from './redis-server.ts';

/** Users of Redis as the documentation says them, by name: the words after `ACL SETUSER name`. */
export function documentedUsers(): ReadonlyMap<string, readonly string[]> {
  const text = readFileSync(new URL('../../docs/discovery.md', import.meta.url), 'utf8');
  const users = [...text.matchAll(/^ACL SETUSER (\S+) (.*)$/gm)];
  return new Map(users.map(([, name = '', rules = '']) => [name, wordsOf(rules)]));
}

/** What the documentation adds for a Cluster. */
export function documentedForCluster(): readonly string[] {
  const text = readFileSync(new URL('../../docs/discovery.md', import.meta.url), 'utf8');
  const row = /^\| Cluster \| (.*) \|$/m.exec(text)?.[1] ?? '';
  return [...row.matchAll(/`(\+[^`]+)`/g)].map(([, word = '']) => word.replaceAll('\\', ''));
}

/** Makes the user as documented, with its name as its password, and nobody else but an admin whom the test speaks as. */
export async function setUser(server: RedisServer, name: string, rules: readonly string[]): Promise<void> {
  const said = await server.command('ACL', 'SETUSER', name, ...rules.map((rule) => rule.replace('PASSWORD', name)));
  if (!said.startsWith('+OK')) throw new Error(`ACL SETUSER ${name}: ${said}`);
}

/** A selector in brackets is one word. */
function wordsOf(rules: string): string[] {
  return rules.match(/\([^)]*\)|\S+/g) ?? [];
}
