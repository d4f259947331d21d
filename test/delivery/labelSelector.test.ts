import { describe, expect, test } from '@jest/globals';
import type { LabelSelector } from '../../src/api/webhookEndpoint.ts';
import { selects } from '../../src/delivery/labelSelector.ts';

type Operator = NonNullable<LabelSelector['matchExpressions']>[number]['operator'];

const labels = { team: 'shop', empty: '' };
const expression = (key: string, operator: Operator, ...values: string[]): LabelSelector => ({
  matchExpressions: [values.length > 0 ? { key, operator, values } : { key, operator }],
});

describe('selects', () => {
  test.each<[string, LabelSelector, boolean]>([
    ['an empty selector', {}, true],
    ['an equal label', { matchLabels: { team: 'shop' } }, true],
    ['another value', { matchLabels: { team: 'cart' } }, false],
    ['the value in another case', { matchLabels: { team: 'Shop' } }, false],
    ['a label that is absent', { matchLabels: { app: 'shop' } }, false],
    ['an empty value', { matchLabels: { empty: '' } }, true],
    ['an empty value of an absent label', { matchLabels: { app: '' } }, false],
    ['two labels of which one differs', { matchLabels: { team: 'shop', empty: 'x' } }, false],
    ['In with the value', expression('team', 'In', 'cart', 'shop'), true],
    ['In without the value', expression('team', 'In', 'cart'), false],
    ['In of an absent label', expression('app', 'In', 'shop', ''), false],
    ['NotIn with the value', expression('team', 'NotIn', 'shop'), false],
    ['NotIn without the value', expression('team', 'NotIn', 'cart'), true],
    ['NotIn of an absent label', expression('app', 'NotIn', 'shop'), true],
    ['Exists', expression('empty', 'Exists'), true],
    ['Exists of an absent label', expression('app', 'Exists'), false],
    ['DoesNotExist', expression('empty', 'DoesNotExist'), false],
    ['DoesNotExist of an absent label', expression('app', 'DoesNotExist'), true],
    ['Exists of a name that objects inherit', expression('constructor', 'Exists'), false],
    ['NotIn of a name that objects inherit', expression('toString', 'NotIn', 'x'), true],
    [
      'labels and expressions that hold',
      { matchLabels: { team: 'shop' }, ...expression('app', 'DoesNotExist') },
      true,
    ],
    [
      'an expression that does not hold',
      { matchLabels: { team: 'shop' }, ...expression('app', 'Exists') },
      false,
    ],
    [
      'two expressions of which one holds',
      {
        matchExpressions: [
          { key: 'team', operator: 'Exists' },
          { key: 'app', operator: 'Exists' },
        ],
      },
      false,
    ],
  ])('decides %s', (_name, selector, want) => {
    expect(selects(selector, labels)).toBe(want);
  });
});
