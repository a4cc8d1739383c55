/** One line or two of the code without which something fails that must not, and the test that notices. */
export interface Guard {
  /** The failure that it guards against, such as `F13`; several when one guard serves them all. */
  readonly failure: string;
  /** The file that holds the guard. */
  readonly file: string;
  /** The text of the guard: it must stand in the file exactly once. */
  readonly guard: string;
  /** What stands there when the guard is removed. */
  readonly without: string;
  /** The file of the test. */
  readonly test: string;
  /** What the title of the test begins with, or holds: one test or a few. */
  readonly name: string;
}
