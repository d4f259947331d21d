import { createHash } from 'node:crypto';
import type { Random } from './random.ts';
import type { Answer } from './run.ts';

/** How a receiver is for a while. */
type Mood = 'well' | 'flaky' | 'down';

/** What to answer, and after how many milliseconds. */
export interface Reaction {
  readonly answer: Answer;
  readonly afterMilliseconds: number;
}

/** What is answered to a delivery's request, so many milliseconds after the run's begin. */
export type Behaviour = (deliveryID: string, at: number) => Reaction;

export interface BehaviourOptions {
  /** How long a mood lasts at most. */
  readonly moodMilliseconds: number;
  /** From then on it takes everything, but what it will never take. */
  readonly wellFrom: number;
  /** From then on it answers 410 now and then. */
  readonly goneFrom?: number;
}

const SLOWEST_MILLISECONDS = 400;
const NEVER_TAKEN_ONE_IN = 25;

/** A receiver's behaviour: it changes its mood at random, and never takes some of the deliveries. */
export function randomBehaviour(random: Random, options: BehaviourOptions): Behaviour {
  const { moodMilliseconds, wellFrom, goneFrom = Infinity } = options;
  const moods: { readonly mood: Mood; readonly until: number }[] = [];
  for (let until = 0; until < wellFrom;) {
    until += random.integer(moodMilliseconds / 2, moodMilliseconds);
    moods.push({ mood: random.pick(['well', 'flaky', 'down', 'flaky']), until });
  }
  return (deliveryID, at) => {
    const mood = at >= wellFrom ? 'well' : (moods.find(({ until }) => at < until)?.mood ?? 'well');
    const afterMilliseconds = random.chance(0.3) ? random.integer(0, SLOWEST_MILLISECONDS) : 0;
    return { answer: answerOf(deliveryID, mood, random, at >= goneFrom), afterMilliseconds };
  };
}

function answerOf(deliveryID: string, mood: Mood, random: Random, mayBeGone: boolean): Answer {
  if (mayBeGone && random.chance(0.3)) return { status: 410 };
  const isNeverTaken =
    createHash('sha256').update(deliveryID).digest().readUInt32BE() % NEVER_TAKEN_ONE_IN === 0;
  if (isNeverTaken) return { status: random.pick([400, 413, 415, 422]) };
  if (mood === 'well' || (mood === 'flaky' && random.chance(0.5))) {
    return { status: random.pick([200, 200, 201, 202, 204]) };
  }
  const failure = random.pick<'hang' | 'reset' | 'redirect' | 'wait' | number>([
    ...(['hang', 'reset', 'redirect', 'wait', 500, 500, 502, 404] as const),
  ]);
  if (failure === 'hang' || failure === 'reset') return failure;
  if (failure === 'redirect') return { status: random.pick([301, 302, 303, 307, 308]) };
  if (failure === 'wait') return { status: random.pick([429, 503]), retryAfter: retryAfter(random) };
  return { status: mood === 'flaky' && random.chance(0.2) ? 400 : failure };
}

function retryAfter(random: Random): string {
  const seconds = random.integer(0, 6);
  return random.pick([
    String(seconds),
    new Date(Date.now() + seconds * 1000).toUTCString(),
    '999999999',
    '-5',
    'later',
  ]);
}
