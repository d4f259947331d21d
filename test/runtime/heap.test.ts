import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Heap } from '../../src/runtime/heap.ts';

test('gives numbers back in order, whatever the order of pushes and pops', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer())), (steps) => {
      const heap = new Heap<number>((a, b) => a - b);
      const model: number[] = [];
      for (const step of steps) {
        const popped = step === null ? heap.pop() : heap.push(step);
        const expected = step === null ? model.shift() : void model.push(step);
        model.sort((first, second) => first - second);
        expect(popped).toBe(expected);
        expect(heap.peek()).toBe(model[0]);
        expect(heap.size).toBe(model.length);
      }
    }),
  );
});
