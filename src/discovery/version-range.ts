/** Major, minor, patch, and what follows a `-`; empty for a release. */
interface Version {
  readonly numbers: readonly [number, number, number];
  readonly prerelease: string;
}

interface Comparator {
  readonly matches: (version: Version) => boolean;
  /** The version that it names, when it names a prerelease. */
  readonly prerelease: Version | undefined;
}

/** Whether a version lies in a range. A text that is no version lies in none. */
export type VersionRange = (version: string) => boolean;

const VERSION = /^v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;
const COMPARATOR =
  /^(\^|~|>=|<=|>|<|=)?v?(?:(\d{1,9})|[x*])(?:\.(?:(\d{1,9})|[x*]))?(?:\.(?:(\d{1,9})|[x*]))?(?:-([0-9A-Za-z.-]+))?$/i;

/**
 * A range as npm writes it: `^1.2.3`, `~1.2`, `>=1 <3`, `1.x`, `=1.2.3`, `*`, with spaces for *and*, `||` for *or*. Hyphen ranges are not
 * known. A prerelease lies in a range only when the range names a prerelease of the same three numbers. Returns `undefined` for a text
 * that is no range.
 */
export function parseVersionRange(text: string): VersionRange | undefined {
  const alternatives: Comparator[][] = [];
  for (const part of text.split('||')) {
    const comparators: Comparator[] = [];
    for (const word of part
      .replace(/([<>=~^])\s+/g, '$1')
      .trim()
      .split(/\s+/)) {
      const comparator = parseComparator(word);
      if (comparator === undefined) return undefined;
      comparators.push(comparator);
    }
    alternatives.push(comparators);
  }
  return (candidate) => {
    const version = parseVersion(candidate);
    return version !== undefined && alternatives.some((comparators) => allMatch(comparators, version));
  };
}

function allMatch(comparators: readonly Comparator[], version: Version): boolean {
  if (!comparators.every((comparator) => comparator.matches(version))) return false;
  if (version.prerelease === '') return true;
  return comparators.some(({ prerelease }) => prerelease !== undefined && sameNumbers(prerelease, version));
}

function parseVersion(text: string): Version | undefined {
  const [found, major, minor, patch, prerelease = ''] = VERSION.exec(text) ?? [];
  return found === undefined ? undefined : { numbers: [Number(major), Number(minor), Number(patch)], prerelease };
}

function parseComparator(word: string): Comparator | undefined {
  const [found, operator = '', major, minor, patch, prerelease = ''] = COMPARATOR.exec(word) ?? [];
  if (found === undefined || (prerelease !== '' && patch === undefined)) return undefined;
  if (major === undefined) return { matches: () => operator !== '<' && operator !== '>', prerelease: undefined };

  const low: Version = { numbers: [Number(major), Number(minor ?? 0), Number(patch ?? 0)], prerelease };
  // The first version after everything that `1`, `1.2` or `1.2.3` stands for.
  const past = bump(low, minor === undefined ? 0 : patch === undefined ? 1 : 2);
  const within = (end: Version) => (version: Version) => order(version, low) >= 0 && order(version, end) < 0;
  const exact = patch !== undefined;
  const matches: Record<string, (version: Version) => boolean> = {
    '': exact ? (version) => order(version, low) === 0 : within(past),
    '=': exact ? (version) => order(version, low) === 0 : within(past),
    '>': exact ? (version) => order(version, low) > 0 : (version) => order(version, past) >= 0,
    '>=': (version) => order(version, low) >= 0,
    '<': (version) => order(version, low) < 0,
    '<=': exact ? (version) => order(version, low) <= 0 : (version) => order(version, past) < 0,
    '~': within(bump(low, minor === undefined ? 0 : 1)),
    '^': within(bump(low, caretPlace(low, minor !== undefined, exact))),
  };
  const match = matches[operator];
  return match && { matches: match, prerelease: prerelease === '' ? undefined : low };
}

/** A caret allows what leaves the first number that is not 0 as it is. */
function caretPlace({ numbers: [major, minor] }: Version, hasMinor: boolean, hasPatch: boolean): 0 | 1 | 2 {
  if (major > 0 || !hasMinor) return 0;
  return minor > 0 || !hasPatch ? 1 : 2;
}

function bump({ numbers: [major, minor, patch] }: Version, place: 0 | 1 | 2): Version {
  if (place === 0) return { numbers: [major + 1, 0, 0], prerelease: '' };
  return { numbers: place === 1 ? [major, minor + 1, 0] : [major, minor, patch + 1], prerelease: '' };
}

function sameNumbers(a: Version, b: Version): boolean {
  return a.numbers.every((number, place) => number === b.numbers[place]);
}

function order(a: Version, b: Version): number {
  for (let place = 0; place < 3; place++) {
    const difference = (a.numbers[place] ?? 0) - (b.numbers[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return orderPrereleases(a.prerelease, b.prerelease);
}

/** A release comes after its prereleases; their parts compare as numbers when both are, else as text, numbers first. */
function orderPrereleases(a: string, b: string): number {
  if (a === b) return 0;
  if (a === '' || b === '') return a === '' ? 1 : -1;
  const left = a.split('.');
  const right = b.split('.');
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x = '', y = ''] = [left[i], right[i]];
    if (x === y) continue;
    const [numberX, numberY] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    if (numberX && numberY) return Number(x) - Number(y);
    if (numberX !== numberY) return numberX ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return left.length - right.length;
}
