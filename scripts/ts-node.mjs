// node --no-experimental-strip-types --import ./scripts/ts-node.mjs <script.ts>
// runs TypeScript with its types checked. `ts-node --esm` and a plain --loader do not: Node's own type stripping wins.
import { register } from 'node:module';

register('./ts-node-hooks.mjs', import.meta.url);
