import { styleText } from 'node:util';
import type { Scene, View } from './scene.ts';
import { tableOf } from './table.ts';
import { placeOf } from './tally.ts';
import { healthInWords, percent, rateInWords, seconds } from './words.ts';

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const CLEAR_BELOW = '\x1b[J';
const BAR = 30;
const LAST_EVENTS = 6;

type Style = Parameters<typeof styleText>[0];
interface Line {
  readonly text: string;
  readonly style?: Style;
}

/** A picture in the terminal that is drawn anew four times a second, below what stood there before. */
export function liveView(terminal: NodeJS.WriteStream): View {
  const events: string[] = [];
  let height = 0;

  const draw = (scene: Scene) => {
    const width = (terminal.columns || 80) - 1;
    const lines = picture(scene, events).slice(0, (terminal.rows || 24) - 1);
    const text = lines.map((line) => styleText(line.style ?? 'reset', line.text.slice(0, width), { stream: terminal }));
    terminal.write(`${HIDE_CURSOR}${backTo(height)}${text.join('\n')}\n`);
    height = lines.length;
  };

  return {
    phase: draw,
    said(text, scene) {
      events.push(`${seconds(scene.elapsedMs).padStart(7)}  ${text}`);
      if (events.length > LAST_EVENTS) events.shift();
      draw(scene);
    },
    tick: draw,
    close() {
      terminal.write(`${backTo(height)}${SHOW_CURSOR}`);
      height = 0;
    },
  };
}

/** Puts the cursor where the picture begins, and wipes it out. */
function backTo(height: number): string {
  return height === 0 ? '' : `\r\x1b[${height}A${CLEAR_BELOW}`;
}

function picture(scene: Scene, events: readonly string[]): readonly Line[] {
  const { registry, elapsedMs, rows, toCome } = scene;
  const [head = '', ...played] = tableOf(rows);
  const playing = played.pop() ?? '';
  return [
    { text: `heddle · ${registry} · ${seconds(elapsedMs)}`, style: 'bold' },
    { text: `  ${head}`, style: 'dim' },
    ...played.map((text) => ({ text: `  ${text}` })),
    { text: `▸ ${playing}`, style: 'cyan' },
    ...toCome.map((title): Line => ({ text: `  ${title}`, style: 'dim' })),
    { text: `now: ${rateInWords(scene)}; ${healthInWords(scene)}` },
    ...bars(scene),
    ...events.map((text): Line => ({ text, style: 'dim' })),
  ];
}

/** One line for each instance that served within the last second, or that `teams` knows. */
function bars({ lastSecond: { share }, health }: Scene): readonly Line[] {
  const known = new Map(health?.endpoints.map((endpoint) => [placeOf(endpoint.instance), endpoint]));
  const places = [...new Set([...Object.keys(share), ...known.keys()])].sort();
  return places.map((place) => {
    const ratio = share[place] ?? 0;
    const endpoint = known.get(place);
    const state =
      endpoint === undefined ? 'left' : `${endpoint.health}${endpoint.suspect ? ', not in the registry' : ''}`;
    const bar = '█'.repeat(Math.round(ratio * BAR)).padEnd(BAR, '·');
    const style = endpoint === undefined ? 'dim' : endpoint.health === 'up' ? 'green' : 'red';
    return { text: `  ${place} ${bar} ${percent(ratio).padStart(5)}  ${state}`, style };
  });
}
