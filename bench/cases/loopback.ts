import { concurrent, type MakeCase } from './case.ts';

// Each case loads only what it measures, and each reads the JSON of the response: what a caller wants of it.

export const undiciRequest: MakeCase = async ([port]) => {
  const { Pool } = await import('undici');
  const pool = new Pool(`http://127.0.0.1:${port}`);
  return concurrent(async () => (await pool.request({ path: '/teams/42', method: 'GET' })).body.json());
};

export const meshClient: MakeCase = async (ports) => {
  const players = (await meshOf(ports)).client('players');
  return concurrent(() => players.get('/teams/42').json());
};

export const bareGot: MakeCase = async ([port]) => {
  const { default: got } = await import('got');
  return concurrent(() => got(`http://127.0.0.1:${port}/teams/42`).json());
};

export const wrappedGot: MakeCase = async (ports) => {
  const { default: got } = await import('got');
  const http = (await meshOf(ports)).wrap(got);
  return concurrent(() => http('http://players/teams/42').json());
};

export const bareFetch: MakeCase = ([port]) => {
  return concurrent(async () => (await fetch(`http://127.0.0.1:${port}/teams/42`)).json());
};

export const wrappedFetch: MakeCase = async (ports) => {
  const meshed = (await meshOf(ports)).wrap(fetch);
  return concurrent(async () => (await meshed('http://players/teams/42')).json());
};

/** A mesh with all defaults, and one endpoint on each port, in an application that has no OpenTelemetry, as most have not. */
async function meshOf(ports: readonly number[]) {
  const { createMesh } = await import('heddle');
  return createMesh({
    self: { service: 'bench' },
    opentelemetry: false,
    registry: { players: ports.map((port) => `http://127.0.0.1:${port}`) },
  });
}
