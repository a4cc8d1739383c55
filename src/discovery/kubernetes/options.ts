import { fail, integer, options, string } from '../../core/check.ts';
import { withoutCredentials } from '../credentials.ts';
import { apiServer } from './api-server.ts';

/** A token, or what gives one whenever it is needed. It is sent to the API server only, and never shown. */
export type Token = string | (() => string | Promise<string>);

/** How to read the endpoints that a Kubernetes cluster lists. In a pod, nothing has to be said. */
export interface KubernetesRegistryOptions {
  /** The namespace of services that are named without one. @default the pod's own */
  readonly namespace?: string | undefined;
  /**
   * Name or number of the port to call, of services that have several. A number is one that the pods listen on.
   *
   * @default the one named `http`, else the first
   */
  readonly port?: string | number | undefined;
  /**
   * The API server. Over `http://` no token is sent unless `token` is given.
   *
   * @default what the pod was told in `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`, else 'https://kubernetes.default.svc'
   */
  readonly server?: string | undefined;
  /** The folder with the pod's `token`, `ca.crt` and `namespace`. @default '/var/run/secrets/kubernetes.io/serviceaccount' */
  readonly serviceAccount?: string | undefined;
  /** Instead of the token in the folder. */
  readonly token?: Token | undefined;
  /** Instead of the certificates in the folder: PEM. */
  readonly ca?: string | undefined;
  /** What queries match besides `zone`, of every instance: a cluster may be one environment. None by default. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
}

export interface ResolvedKubernetesOptions {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly port: string | number | undefined;
  readonly server: URL;
  readonly serviceAccount: string;
  readonly token: Token | undefined;
  readonly ca: string | undefined;
  readonly attributes: Readonly<Record<string, string>>;
}

const NAMES = ['namespace', 'port', 'server', 'serviceAccount', 'token', 'ca', 'attributes'];
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether it can be the name of a namespace or a service of Kubernetes. */
export function isKubernetesName(value: unknown): value is string {
  return typeof value === 'string' && DNS_LABEL.test(value);
}

/** Checks the options; `name` is what they are called in errors. */
export function resolveKubernetesOptions(name: string, given: KubernetesRegistryOptions): ResolvedKubernetesOptions {
  options(name, given, NAMES);
  const { namespace, port, token, ca } = given;
  if (namespace !== undefined && !isKubernetesName(namespace))
    fail(`${name}.namespace`, "the name of a namespace (1 to 63 of a-z, 0-9, '-')", namespace);
  if (typeof port === 'number') integer(`${name}.port`, port, { min: 1, max: 65_535 });
  else if (port !== undefined) string(`${name}.port`, port);
  if (token !== undefined && typeof token !== 'function') checkToken(`${name}.token`, token);
  return {
    name: namespace === undefined ? 'kubernetes' : `kubernetes:${namespace}`,
    namespace,
    port,
    server: resolveServer(`${name}.server`, given.server ?? apiServer()),
    serviceAccount: string(
      `${name}.serviceAccount`,
      given.serviceAccount ?? '/var/run/secrets/kubernetes.io/serviceaccount',
    ),
    token,
    ca: ca === undefined ? undefined : string(`${name}.ca`, ca),
    attributes: resolveAttributes(`${name}.attributes`, given.attributes ?? {}),
  };
}

/** The options that `kubernetes:`, `kubernetes:NAMESPACE` or `kubernetes:NAMESPACE?port=PORT` stands for; `undefined` when it is none. */
export function kubernetesUrl(url: string): KubernetesRegistryOptions | undefined {
  const parts = /^kubernetes:([^?#/]*)(?:\?port=([^&#]+))?$/.exec(url);
  if (parts === null) return undefined;
  const [, namespace = '', port] = parts;
  return {
    namespace: namespace === '' ? undefined : namespace,
    port: port !== undefined && /^\d+$/.test(port) ? Number(port) : port,
  };
}

/** What is no text cannot be a token, and is not shown: it may be one in disguise. */
function checkToken(name: string, token: unknown): void {
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token))
    fail(name, 'a token, or a function', 'something else');
}

function resolveServer(name: string, server: unknown): URL {
  const url = typeof server === 'string' ? URL.parse(server) : null;
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.pathname + url.username + url.password + url.search !== '/'
  )
    fail(
      name,
      "a URL such as 'https://kubernetes.default.svc'",
      typeof server === 'string' ? withoutCredentials(server) : server,
    );
  return url;
}

function resolveAttributes(name: string, given: unknown): Readonly<Record<string, string>> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) fail(name, 'an object of strings', given);
  for (const [attribute, value] of Object.entries(given)) string(`${name}.${attribute}`, value);
  return { ...given };
}
