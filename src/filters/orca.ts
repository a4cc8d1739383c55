/** Metrics of an application can be many; longer ones are not read. */
const LONGEST = 4_096;
const MOST = 1_000;
/** The application's own figure counts before that of its machine, as in gRPC (A58). */
const NAMES = ['application_utilization', 'applicationUtilization', 'cpu_utilization', 'cpuUtilization'];

/**
 * The utilisation in an `endpoint-load-metrics` header of ORCA (Open Request Cost Aggregation), in its text or JSON form:
 * `TEXT cpu_utilization=0.3, rps_fractional=120`, `JSON {"application_utilization": 0.3}`. `'none'` when it is well-formed and names no utilisation above
 * 0, which is how the format says that it is not known; `undefined` for what cannot be read, its binary form too.
 */
export function orcaUtilisation(header: string): number | 'none' | undefined {
  if (header.length > LONGEST) return undefined;
  const space = header.indexOf(' ');
  const rest = header.slice(space + 1);
  switch (header.slice(0, space)) {
    case 'TEXT':
      return fromText(rest);
    case 'JSON':
      return fromJson(rest);
    default:
      return undefined;
  }
}

function fromText(text: string): number | 'none' | undefined {
  const fields = new Map<string, unknown>();
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    const value = part.slice(equals + 1).trim();
    if (equals < 0 || value === '') return undefined;
    fields.set(part.slice(0, equals).trim(), Number(value));
  }
  return utilisationIn((name) => fields.get(name));
}

function fromJson(text: string): number | 'none' | undefined {
  try {
    const fields: unknown = JSON.parse(text);
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return undefined;
    return utilisationIn((name) => (Object.hasOwn(fields, name) ? Reflect.get(fields, name) : undefined));
  } catch {
    return undefined;
  }
}

function utilisationIn(field: (name: string) => unknown): number | 'none' | undefined {
  for (const name of NAMES) {
    const value = field(name);
    if (value === undefined || value === 0) continue;
    return typeof value === 'number' && value > 0 && value <= MOST ? value : undefined;
  }
  return 'none';
}
