import type { Scene, View } from './scene.ts';
import { healthInWords, percent, rateInWords, seconds } from './words.ts';

const EVERY_MS = 2_000;

/** Lines, for an output that is no terminal: what happens when it does, and every 2 s how it goes. */
export function plainView(write: (text: string) => void): View {
  let dueAt = EVERY_MS;
  const line = ({ elapsedMs }: Scene, text: string) => write(`${seconds(elapsedMs).padStart(7)}  ${text}\n`);

  return {
    phase(scene) {
      const { rows, toCome } = scene;
      write('\n');
      line(scene, `${rows.length}/${rows.length + toCome.length} ${rows.at(-1)?.phase}`);
    },
    said: (text, scene) => line(scene, `    ${text}`),
    tick(scene) {
      if (scene.elapsedMs < dueAt || scene.rows.length === 0) return;
      dueAt = scene.elapsedMs + EVERY_MS;
      const shares = Object.entries(scene.lastSecond.share).map(([place, share]) => `${place} ${percent(share)}`);
      line(scene, `  · ${rateInWords(scene)}; ${shares.join(', ')}; ${healthInWords(scene)}`);
    },
    close() {},
  };
}
