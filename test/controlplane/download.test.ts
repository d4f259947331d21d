import { expect, test } from '@jest/globals';
import { chooseArchive } from './download.ts';

const archive = (release: string, platform: string) =>
  `    envtest-${release}-${platform}.tar.gz:\n      hash: ${release}\n      selfLink: https://archive.example/${release}\n`;
const index = `releases:
  v1.36.2:
${archive('v1.36.2', 'linux-amd64')}${archive('v1.36.2', 'darwin-arm64')}
  v1.36.10:
${archive('v1.36.10', 'linux-amd64')}
  v1.36.11-rc.0:
${archive('v1.36.11-rc.0', 'linux-amd64')}
  v1.37.0:
${archive('v1.37.0', 'linux-amd64')}
`;

test.each([
  ['the newest release of the minor version', 'linux-amd64', 'v1.36.10'],
  ['the newest that has the platform', 'darwin-arm64', 'v1.36.2'],
])('takes %s', (_, platform, release) => {
  expect(chooseArchive(index, 'v1.36.3', platform)).toEqual({
    name: `envtest-${release}-${platform}.tar.gz`,
    url: `https://archive.example/${release}`,
    hash: release,
  });
});

test('says which platform has no archive', () => {
  expect(() => chooseArchive(index, 'v1.36.3', 'linux-riscv64')).toThrow(
    'no archive of v1.36.x for linux-riscv64',
  );
});
