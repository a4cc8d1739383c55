import type { Mesh } from 'heddle';
import { director } from './director.ts';
import { brief, counted } from './words.ts';

const EVERY_MS = 250;

/** Tells the director what this mesh knows of `players`, and each of its events in words. The function returned stops it. */
export function reportHealth(mesh: Mesh): () => void {
  /** Instances by the id of their endpoint; those that left are kept, because the event that says so comes after. */
  const names = new Map<string, string>();
  const nameOf = (id: string) => names.get(id) ?? id;

  const look = () => {
    const { endpoints, registry, breaker } = mesh.explain('players');
    for (const { id, attributes } of endpoints) names.set(id, attributes['name'] ?? id);
    director.tell({
      kind: 'health',
      registry: registry.state,
      breaker: breaker.state,
      endpoints: endpoints.map(({ id, health, suspect }) => ({ instance: nameOf(id), health, suspect })),
    });
  };
  const say = (text: string) => director.tell({ kind: 'said', text });

  mesh.on('view', ({ service, known, joined, left }) => {
    if (service !== 'players') return;
    // The event comes before the balancer has taken the change over.
    setImmediate(() => {
      look();
      const changes = [...joined.map((id) => `${nameOf(id)} joined`), ...left.map((id) => `${nameOf(id)} left`)];
      say(`knows ${counted(known, 'player')}: ${changes.join(', ')}`);
    });
  });
  mesh.on('endpoint', ({ endpoint, health, reason }) => say(`takes ${nameOf(endpoint)} for ${health}: ${reason}`));
  mesh.on('breaker', ({ service, state, reason }) => say(`has the breaker of ${service} ${state}: ${reason}`));
  mesh.on('registry', ({ state, reason }) =>
    say(`has the registry ${state}${reason === '' ? '' : ` (${brief(reason)})`}`),
  );
  mesh.on('rejected', ({ id, reason }) => say(`skips the record ${id}: ${reason}`));
  mesh.on('fault', ({ source, error }) => say(`met a fault in ${source}: ${error}`));

  look();
  const timer = setInterval(look, EVERY_MS);
  return () => clearInterval(timer);
}
