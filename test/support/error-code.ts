/** The code with which a promise is rejected; `none` when it is not. */
export const errorCode = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'none',
    (error) => error?.code,
  )
