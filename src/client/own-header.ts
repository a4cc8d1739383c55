const OWN = new Set(['host', 'traceparent', 'tracestate']);

/** Whether a header is the mesh's to write. What a caller says for it is left out: it would arrive twice, or contradict. */
export function ownHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return OWN.has(lower) || lower.startsWith('mesh-');
}
