import { type FSWatcher, watch } from 'node:fs';

/**
 * Rings when names in a folder come or go. It is a convenience: watching may be impossible, and a folder that is made anew is another
 * folder, so whoever uses this looks by himself as well, and aims it again at what he finds.
 */
export class FolderAlarm {
  readonly #ring: () => void;
  #watcher: FSWatcher | undefined;
  #aim = '';

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /**
   * Watches `folder`, and rings once more when that is new: something may have come before the watch was there. Returns whether it could;
   * when it could not, what was watched before still is.
   */
  aim(folder: string, epoch: string, relevant: (name: string) => boolean): boolean {
    const aim = `${folder}\n${epoch}`;
    if (aim === this.#aim) return true;
    try {
      const watcher = watch(folder, { persistent: false }, (event, name) => {
        // Records are renamed into place, so `change` is only an owner's touch.
        if (event === 'rename' && (name === null || relevant(name))) this.#ring();
      });
      watcher.on('error', () => {
        if (watcher === this.#watcher) this.close();
      });
      this.close();
      this.#watcher = watcher;
    } catch {
      return false; // not there, not allowed, or too many watches: the next look tries again
    }
    this.#aim = aim;
    this.#ring();
    return true;
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#aim = '';
  }
}
