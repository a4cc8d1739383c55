import { type AddressRule, ownAddresses } from './address.ts';
import type { FollowedService } from './followed-service.ts';
import { OwnState } from './own-state.ts';
import { parseRecord, serialiseRecord } from './record.ts';
import type {
  Announcement,
  Instance,
  Registry,
  RegistryFactory,
  RegistryScope,
  Traffic,
  View,
  Watch,
} from './registry.ts';
import { Rejections } from './rejections.ts';
import { type Feed, Watches } from './watches.ts';

/** A registry that several meshes of one process share, and what a test can have happen to it. */
export interface MemoryHub {
  /** What `registry:` takes; each mesh that uses it sees the same records. */
  readonly registry: RegistryFactory;
  /** Writes a record as text, as anybody with access to a real registry could. */
  put(service: string, id: string, text: string): void;
  /** The owner of this id dies without a word: its lease lapses at once. */
  kill(id: string): void;
  /** The registry goes out of everybody's reach, until `heal`. */
  partition(): void;
  heal(): void;
  /** All records are lost and the registry begins a new epoch; then the owners announce themselves again. */
  flush(): void;
}

interface Reader {
  readonly followed: FollowedService;
  readonly addresses: AddressRule | undefined;
  readonly rejections: Rejections;
}

interface Owner {
  readonly instance: Instance;
  readonly text: string;
  readonly state: OwnState;
}

/** A registry in memory, for tests: everything happens at once and in order. */
export function createMemoryRegistry(): MemoryHub {
  const board = new Board();
  return {
    registry: (scope) => new MemoryRegistry(board, scope),
    put: (service, id, text) => board.put(service, id, text),
    kill: (id) => board.kill(id),
    partition: () => board.partition(),
    heal: () => board.heal(),
    flush: () => board.flush(),
  };
}

/** The records, and who writes and reads them. */
class Board {
  readonly records = new Map<string, Map<string, string>>();
  readonly #readers = new Set<Reader>();
  readonly #owners = new Set<Owner>();
  #epoch = 1;
  #reachable = true;

  follow(reader: Reader): () => void {
    this.#readers.add(reader);
    if (this.#reachable) this.#show(reader);
    else reader.followed.apply({ kind: 'lost', reason: 'partitioned' });
    return () => this.#readers.delete(reader);
  }

  own(owner: Owner): void {
    this.#owners.add(owner);
    this.#list(owner);
  }

  leave(owner: Owner): void {
    this.#owners.delete(owner);
    const { instance, state } = owner;
    state.become('left', 'withdrawn');
    if (!this.#reachable || this.#generation(instance) > instance.generation) return;
    this.records.get(instance.service)?.delete(instance.id);
    for (const { followed } of this.#readersOf(instance.service))
      followed.apply({ kind: 'left', id: instance.id, generation: instance.generation });
  }

  put(service: string, id: string, text: string): void {
    const records = this.records.get(service) ?? new Map<string, string>();
    this.records.set(service, records.set(id, text));
    for (const reader of this.#readersOf(service)) {
      const instance = this.#read(reader, id, text);
      if (instance !== undefined) reader.followed.apply({ kind: 'joined', instance });
    }
  }

  kill(id: string): void {
    for (const owner of this.#owners) {
      const { service, generation } = owner.instance;
      if (owner.instance.id !== id) continue;
      this.#owners.delete(owner);
      this.records.get(service)?.delete(id);
      if (!this.#reachable) continue;
      for (const { followed } of this.#readersOf(service)) followed.apply({ kind: 'lapsed', id, generation });
    }
  }

  partition(): void {
    this.#reachable = false;
    for (const { state } of this.#owners) state.become('retrying', 'partitioned');
    for (const { followed } of this.#readers) followed.apply({ kind: 'lost', reason: 'partitioned' });
  }

  heal(): void {
    this.#reachable = true;
    for (const owner of this.#owners) this.#list(owner);
    for (const reader of this.#readers) this.#show(reader);
  }

  flush(): void {
    this.#epoch++;
    this.records.clear();
    if (!this.#reachable) return;
    for (const reader of this.#readers) this.#show(reader);
    for (const owner of this.#owners) this.#list(owner);
  }

  #list(owner: Owner): void {
    const { instance, state } = owner;
    if (!this.#reachable) {
      state.become('retrying', 'partitioned');
    } else if (this.#generation(instance) > instance.generation) {
      this.#fence(owner);
    } else {
      this.put(instance.service, instance.id, owner.text);
      state.become('announced', '');
      for (const other of this.#owners) if (olderSelf(other.instance, instance)) this.#fence(other);
    }
  }

  #fence(owner: Owner): void {
    this.#owners.delete(owner);
    owner.state.become('fenced', 'a newer process has announced the same id');
  }

  /** The generation that is listed under the id of `instance`. */
  #generation({ service, id }: Instance): number {
    const parsed = parseRecord(this.records.get(service)?.get(id) ?? '', { addresses: ownAddresses });
    return 'instance' in parsed ? parsed.instance.generation : Number.NEGATIVE_INFINITY;
  }

  #show(reader: Reader): void {
    const instances: Instance[] = [];
    for (const [id, text] of this.records.get(reader.followed.service) ?? []) {
      const instance = this.#read(reader, id, text);
      if (instance !== undefined) instances.push(instance);
    }
    reader.followed.apply({ kind: 'snapshot', at: { epoch: String(this.#epoch), revision: 0 }, instances });
  }

  #read({ followed: { service }, addresses, rejections }: Reader, id: string, text: string): Instance | undefined {
    const parsed = parseRecord(text, { id, service, addresses });
    if ('instance' in parsed) return parsed.instance;
    rejections.add(service, id, parsed.refused);
    return undefined;
  }

  #readersOf(service: string): readonly Reader[] {
    return this.#reachable ? [...this.#readers].filter(({ followed }) => followed.service === service) : [];
  }
}

class MemoryRegistry implements Registry {
  readonly name = 'memory';
  readonly #board: Board;
  readonly #scope: RegistryScope;
  readonly #watches: Watches;
  readonly #announcements = new Set<Announcement>();

  constructor(board: Board, scope: RegistryScope) {
    this.#board = board;
    this.#scope = scope;
    const rejections = new Rejections(this.name, scope);
    const feed: Feed = (followed) => board.follow({ followed, addresses: scope.addresses, rejections });
    this.#watches = new Watches(scope, feed, { keptAs: this.name });
  }

  announce(instance: Instance): Announcement {
    const text = serialiseRecord(instance, this.#scope.addresses);
    const owner: Owner = { instance, text, state: new OwnState(this.#scope, instance) };
    this.#board.own(owner);
    const announcement: Announcement = {
      instance,
      get state() {
        return owner.state.current;
      },
      leave: async () => {
        this.#announcements.delete(announcement);
        this.#board.leave(owner);
      },
    };
    this.#announcements.add(announcement);
    return announcement;
  }

  watch(service: string, listener: (view: View) => void, traffic?: Traffic): Watch {
    return this.#watches.watch(service, listener, traffic);
  }

  async services(): Promise<readonly string[]> {
    return [...this.#board.records.keys()];
  }

  async close(): Promise<void> {
    await Promise.all([...this.#announcements].map((announcement) => announcement.leave()));
    this.#watches.close();
  }
}

function olderSelf(a: Instance, b: Instance): boolean {
  return a.service === b.service && a.id === b.id && a.generation < b.generation;
}
