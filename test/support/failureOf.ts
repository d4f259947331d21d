/** Gives what the promise is rejected with; to be called before whatever makes it fail. */
export const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => {
      throw new Error('nothing failed');
    },
    (error: unknown) => error,
  );
