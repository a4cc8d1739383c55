const NEWLINE = 0x0a;

/**
 * Cuts a stream of bytes into lines of text, wherever the pieces of it end: within a line, or within a character. It keeps at most one
 * line that is not whole yet.
 */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #size = 0;

  /** `maxBytes` is the most that one line may have. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that `piece` completes, empty ones left out. Throws when a line is too long, be it complete or not. */
  push(piece: Buffer): readonly string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, from)) {
      this.#keep(piece.subarray(from, end));
      from = end + 1;
      const line = Buffer.concat(this.#parts).toString().trim();
      this.#parts = [];
      this.#size = 0;
      if (line !== '') lines.push(line);
    }
    if (from < piece.length) this.#keep(piece.subarray(from));
    return lines;
  }

  #keep(part: Buffer): void {
    this.#size += part.length;
    if (this.#size > this.#maxBytes) throw new Error(`it sent a line of more than ${this.#maxBytes} bytes`);
    this.#parts.push(part);
  }
}
