import { describe, expect, test } from '@jest/globals';
import { hostOf, parseEndpointUrl } from '../../src/delivery/endpointUrl.ts';

test.each<[url: string, host: string]>([
  ['https://flag-cache.shop.svc/hooks/flags', 'flag-cache.shop.svc'],
  ['http://a.example:8080', 'a.example'],
  ['HTTPS://A.Example/', 'a.example'],
  ['http://[fd00::1]:8080/x', 'fd00::1'],
  ['https://bücher.example/', 'xn--bcher-kva.example'],
  ['http://10.0.0.1/', '10.0.0.1'],
  ['https://a.example/?token=1', 'a.example'],
  ['https://a.example/a@b', 'a.example'],
  ['http://a.example:0/', 'a.example'],
])('%s is taken, with host %s', (text, host) => {
  const url = parseEndpointUrl(text);
  if (typeof url === 'string') throw new Error(url);
  expect(hostOf(url)).toBe(host);
});

describe('what is refused is refused with a reason that holds nothing of it', () => {
  test.each<[url: string, reason: RegExp]>([
    ['', /absolute http or https URL/],
    ['/hooks', /absolute http or https URL/],
    ['ftp://a.example/', /absolute http or https URL/],
    ['https:a.example', /absolute http or https URL/],
    ['https:///path', /must have a host/],
    ['https://?x', /must have a host/],
    ['https://', /can be parsed/],
    ['https://999.1.1.1/', /can be parsed/],
    ['https://a.example:65536/', /can be parsed/],
    ['https://a.example/#x', /fragment/],
    ['https://a.example/#', /fragment/],
    ['https://user@a.example/', /user info/],
    ['https://user:secret@a.example/', /user info/],
    ['https://@a.example/', /user info/],
    ['https://a.example/ x', /white space/],
    [' https://a.example/', /white space/],
    ['https://a.example/\n', /white space/],
    ['https://a.example\\x', /backslash/],
    ['https://a.example/\u0000', /control/],
    ['\ufeffhttps://a.example/', /white space|absolute/],
    [`https://a.example/${'x'.repeat(2031)}`, /at most 2048 characters/],
  ])('%j', (text, reason) => {
    const refused = parseEndpointUrl(text);
    expect(refused).toMatch(reason);
    expect(refused).not.toMatch(/example|secret/);
  });

  test('2048 characters are not too many', () => {
    expect(parseEndpointUrl(`https://a.example/${'x'.repeat(2030)}`)).toBeInstanceOf(URL);
  });
});
