import { expect, test } from '@jest/globals';
import { allowsHost } from '../../src/delivery/allowedHosts.ts';

test.each<[annotation: string | undefined, host: string, allowed: boolean]>([
  [undefined, 'a.example', true],
  ['a.example', 'a.example', true],
  ['a.example', 'b.example', false],
  ['a.example', 'x.a.example', false],
  ['A.Example.', 'a.example', true],
  ['a.example', 'A.EXAMPLE.', true],
  ['a.example, b.example', 'b.example', true],
  [' a.example ,', 'a.example', true],
  ['*.shop.svc', 'flag-cache.shop.svc', true],
  ['*.shop.svc', 'a.b.shop.svc', true],
  ['*.shop.svc', 'shop.svc', false],
  ['*.shop.svc', 'bookshop.svc', false],
  ['*.shop.svc', '.shop.svc', false],
  ['*', 'a.example', false],
  ['', 'a.example', false],
  ['10.0.0.1', '10.0.0.1', true],
  ['fd00::1', 'fd00::1', true],
])('%p and host %p: %p', (annotation, host, allowed) => {
  expect(allowsHost(annotation, host)).toBe(allowed);
});
