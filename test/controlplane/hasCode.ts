/** Whether it is a system error with this code; inside jest such errors are no instances of its own Error. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
