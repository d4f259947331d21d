import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';

/** Writes the file that --token-auth-file names (token, user, uid, "groups"), and gives each user's token. */
export async function writeTokens(
  path: string,
  users: Readonly<Record<string, readonly string[]>>,
): Promise<Record<string, string>> {
  const tokens = Object.fromEntries(
    Object.keys(users).map((user) => [user, randomBytes(24).toString('hex')]),
  );
  const lines = Object.entries(users).map(([user, groups]) => {
    const columns = [tokens[user], user, user];
    // An empty column would be a group with an empty name.
    if (groups.length > 0) columns.push(`"${groups.join(',')}"`);
    return `${columns.join(',')}\n`;
  });
  await writeFile(path, lines.join(''), { mode: 0o600 });
  return tokens;
}
