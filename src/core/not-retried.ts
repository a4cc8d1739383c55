/**
 * Why a failed attempt was not followed by another.
 *
 * - `attempts`: as many were made as are allowed.
 * - `resend`: it may have been executed and must not be twice, or another would not help.
 * - `body`: the body of the request is a stream whose first byte is gone, or too long to be kept.
 * - `already-retried`: the request that the call is made for is itself a retry, or the server has itself retried what it failed for.
 * - `retry-after`: the server asks for a longer pause than a call waits.
 * - `deadline`: the wait would end after the call.
 * - `left-to-caller`: less is left than the attempt took of the time of the request that the call is made for; its sender has more, and may send it again.
 * - `outage`: nobody answers: twenty attempts at the service failed in a row that began after others had.
 * - `budget`: too many calls of the service were retried of late.
 */
export type NotRetried =
  | 'attempts'
  | 'resend'
  | 'body'
  | 'already-retried'
  | 'retry-after'
  | 'deadline'
  | 'left-to-caller'
  | 'outage'
  | 'budget';
