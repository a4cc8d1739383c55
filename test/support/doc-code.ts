import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';

/** The code blocks of one document, run as they stand but for addresses. */
export class DocCode {
  readonly #document: URL;
  readonly #folder: URL;
  #count = 0;

  /** `document` and `folder` are relative to the root; `folder` is made for the files that run, and removed by `close`. */
  constructor(document: string, folder: string) {
    this.#document = new URL(`../../${document}`, import.meta.url);
    this.#folder = new URL(`../../${folder}/`, import.meta.url);
  }

  /**
   * Runs the block whose first line is `// title`, with these texts replaced and nothing printed. Resolves with what the block declares under
   * `names`; the type is the caller's promise.
   */
  async run<T>(title: string, names: string, replaced: Readonly<Record<string, string>>): Promise<T> {
    const text = await readFile(this.#document, 'utf8');
    const code = [...text.matchAll(/```ts\n([\s\S]*?)```/g)]
      .map(([, block = '']) => block)
      .find((block) => block.startsWith(`// ${title}\n`));
    if (code === undefined) throw new Error(`${this.#document.pathname} has no block '${title}'`);
    let here = code.replaceAll('console.log', '((_: unknown) => {})');
    for (const [from, to] of Object.entries(replaced)) here = here.replaceAll(from, to);
    await mkdir(this.#folder, { recursive: true });
    const file = new URL(`${title.replaceAll(/\W/g, '-')}-${this.#count++}.ts`, this.#folder);
    await writeFile(file, `${here}\nexport { ${names} };\n`);
    return import(/* @vite-ignore */ file.pathname);
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
