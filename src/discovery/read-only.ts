import { ownAddresses } from './address.ts';
import { OwnState } from './own-state.ts';
import { serialiseRecord } from './record.ts';
import type { Announcement, Instance, RegistryScope } from './registry.ts';

/**
 * What a registry that only reads makes of an announcement: it is checked like any other, said once, and written nowhere. `reason` tells
 * people who lists this process instead. Throws a `ConfigError` for an instance that nobody could call.
 */
export function announceNowhere(scope: RegistryScope, instance: Instance, reason: string): Announcement {
  serialiseRecord(instance, ownAddresses);
  const state = new OwnState(scope, instance);
  state.become('announced', `nothing is written: ${reason}`);
  return {
    instance,
    get state() {
      return state.current;
    },
    leave: async () => state.become('left', 'withdrawn'),
  };
}
