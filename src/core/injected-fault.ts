const TEXTS = {
  refused: { code: 'ECONNREFUSED', syscall: 'connect', message: 'connect ECONNREFUSED (injected)' },
  reset: { code: 'ECONNRESET', syscall: 'read', message: 'read ECONNRESET (injected)' },
} as const;

/** How a connection can be made to fail. */
export type BrokenConnection = keyof typeof TEXTS;

/** The error of a connection that nobody made: as Node's own but for its message. */
export class InjectedFault extends Error {
  readonly code: string;
  readonly syscall: string;

  constructor(kind: BrokenConnection) {
    const { code, syscall, message } = TEXTS[kind];
    super(message);
    this.code = code;
    this.syscall = syscall;
  }
}
