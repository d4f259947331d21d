/** The text in printable ASCII, as messages are for people; whatever else is in it becomes `?`. */
export function printable(text: string): string {
  return text.replaceAll(/[^ -~]/g, '?');
}
