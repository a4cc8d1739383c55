import { Events, type MeshEventName, type MeshEvents } from '../../core/events.ts';

/**
 * The events of a mesh as one of several registries sees them. What the part says of the whole, which instances there are and how this
 * process is announced, is said once for all of them by whoever combines them; everything else passes.
 */
export class PartEvents extends Events {
  readonly #outer: Events;
  readonly #announced: (event: MeshEvents['announcement']) => void;

  constructor(outer: Events, announced: (event: MeshEvents['announcement']) => void) {
    super();
    this.#outer = outer;
    this.#announced = announced;
  }

  override on<Name extends MeshEventName>(name: Name, listener: (event: MeshEvents[Name]) => unknown): () => void {
    return this.#outer.on(name, listener);
  }

  override emit<Name extends MeshEventName>(name: Name, event: MeshEvents[Name]): void {
    if (name === 'announcement')
      this.#announced(event as MeshEvents['announcement']); // the event of that name
    else if (name !== 'view') this.#outer.emit(name, event);
  }
}
