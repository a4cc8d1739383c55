/** What Node says of a certificate that it does not trust, and what a server says of one that it does not. */
const REFUSED_CERTIFICATE =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|ERR_TLS_CERT_|ERR_SSL_\w*ALERT_\w*(CERT|UNKNOWN_CA))/;

/** Whether one side refused the certificate of the other: somebody has to change one of them, or whom it is trusted by. */
export function isCertificateRefused(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && REFUSED_CERTIFICATE.test(code);
}
