/** One setting with the place that it comes from. */
export interface Setting {
  readonly name: string;
  readonly value: number | string | false;
  readonly from: string;
}
