import { readFile } from 'node:fs/promises';

// USER_HZ, which Linux gives to programs on every architecture that Node runs on.
const TICKS_PER_SECOND = 100;

/** CPU time that a process has used so far, in milliseconds, to 10 ms. Needs Linux's /proc. */
export async function cpuMilliseconds(pid: number): Promise<number> {
  return parseStat(await readFile(`/proc/${pid}/stat`, 'utf8'));
}

/** Resident memory of a process in MB (10^6 bytes), now and at its highest. Needs Linux's /proc. */
export async function residentMegabytes(
  pid: number,
): Promise<{ readonly now: number; readonly peak: number }> {
  return parseStatus(await readFile(`/proc/${pid}/status`, 'utf8'));
}

/** User and system time of a line of /proc/PID/stat (proc_pid_stat(5)), in milliseconds. */
export function parseStat(line: string): number {
  // The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
  const fromState = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [utime, stime] = [fromState[11], fromState[12]].map(Number);
  return (((utime ?? NaN) + (stime ?? NaN)) * 1000) / TICKS_PER_SECOND;
}

/** VmRSS and VmHWM of /proc/PID/status (proc_pid_status(5)), which are in units of 1024 bytes, in MB. */
export function parseStatus(text: string): { readonly now: number; readonly peak: number } {
  const megabytes = (name: string) => {
    const [, kibibytes] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text) ?? [];
    return (Number(kibibytes ?? NaN) * 1024) / 1e6;
  };
  return { now: megabytes('VmRSS'), peak: megabytes('VmHWM') };
}
