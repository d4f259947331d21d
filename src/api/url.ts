import type { z } from 'zod';
import type { ValidationRule } from './crdKeywords.ts';
import { text } from './scalars.ts';

// All rules are about the whole string: what url(self) gives back has no bound, so rules on it cost too much.
const AUTHORITY = '^[^/?#]*//';
const END = '([/?#]|$)';

const ABSOLUTE: ValidationRule = {
  rule: String.raw`isURL(self) && url(self).getScheme() in ['http', 'https'] && !self.matches('[\\s\\\\]')`,
  message: 'must be an absolute http or https URL without white space',
};

// isURL accepts hosts that Node refuses: "a<b", "[fe80::1%25eth0]".
const HOST: ValidationRule = {
  rule:
    `!isURL(self) || self.matches('${AUTHORITY}[^/?#]*@') || ` +
    String.raw`self.matches('${AUTHORITY}(\\[[0-9A-Fa-f:.]+\\]|[^/?#\\[\\]<>^|%:]+)(:[0-9]*)?${END}')`,
  message: 'must have a host',
};

const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';

// A host that ends in a number is an IPv4 address to a URL parser, in hexadecimal, octal or with parts left out too.
const ADDRESS: ValidationRule = {
  rule:
    `!self.matches('${AUTHORITY}([^/?#]*[.])?(0[xX][0-9a-fA-F]*|[0-9]+)[.]?(:[0-9]*)?${END}') || ` +
    `self.matches('${AUTHORITY}(${OCTET}[.]){3}${OCTET}[.]?(:[0-9]*)?${END}')`,
  message: 'must have a host name or an IP address in its usual form',
};

const PORT: ValidationRule = {
  rule:
    `!self.matches('${AUTHORITY}[^/?#]*:([0-9]{6,}|[7-9][0-9]{4}|6[6-9][0-9]{3}|65[6-9][0-9]{2}|` +
    `655[4-9][0-9]|6553[6-9])${END}')`,
  message: 'must have a port from 0 to 65535',
};

const USER_INFO: ValidationRule = {
  rule: `!self.matches("${AUTHORITY}[^/?#]*@")`,
  message: 'must not carry user info; put credentials into headers[].valueFrom',
};

const FRAGMENT: ValidationRule = { rule: '!self.contains("#")', message: 'must not have a fragment' };

/** Where events are sent. What these rules let through and Node's URL parser doesn't is `InvalidURL`. */
export function httpUrl(): z.ZodString {
  return text(
    { min: 1, max: 2048 },
    { 'x-kubernetes-validations': [ABSOLUTE, HOST, ADDRESS, PORT, USER_INFO, FRAGMENT] },
  );
}
