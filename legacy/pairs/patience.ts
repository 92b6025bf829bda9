/**
 * Settles as `work` does, or rejects with what `late` makes after so many milliseconds. What comes of `work` after that
 * is nobody's.
 */
export async function within<T>(patience: number, work: Promise<T>, late: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), patience);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
