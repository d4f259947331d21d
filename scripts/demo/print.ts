/** `1 · What comes now`, apart from what came before. */
export function printHeading(step: number, text: string): void {
  console.log(`\n${step} · ${text}`);
}

/** Two spaces in front of each line that is not empty; one write, so that what arrives meanwhile can't get in between. */
export function printIndented(text: string): void {
  console.log(text.trimEnd().replaceAll(/^(?=.)/gm, '  '));
}
