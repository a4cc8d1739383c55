/**
 * What one outcome means to everybody above: stats, health, breaker and retry share it. Decided once per attempt.
 *
 * - `success`: the endpoint is well.
 * - `failure`: the endpoint failed; sending again would not help or is not allowed.
 * - `retryable`: the endpoint failed and another attempt may do better.
 * - `ignorable`: says nothing about the endpoint (the caller went away, the caller's own limit).
 */
export type Verdict = 'success' | 'failure' | 'retryable' | 'ignorable';

/** Whether the verdict speaks against the endpoint. */
export function failed(verdict: Verdict | undefined): boolean {
  return verdict === 'failure' || verdict === 'retryable';
}

/**
 * The verdict on an HTTP status: 421, 429, 502, 503 and 504 are refusals or passing states and may be sent again, every other 5xx is a
 * failure, and all else is a success: a 404 proves that the server is well.
 */
export function verdictOfStatus(status: number): Verdict {
  if (status < 421) return 'success';
  if (status === 421 || status === 429 || status === 502 || status === 503 || status === 504) return 'retryable';
  return status >= 500 ? 'failure' : 'success';
}
