import type { Notice } from '../api/notice.ts';

/** Tells people what has just become of an object, as Kubernetes Events. Returns at once and never throws. */
export type Notify<T> = (object: T, notices: readonly Notice[]) => void;
