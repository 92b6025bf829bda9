import { once } from 'node:events';

/** Slows a program down. Nothing that is tested waits by it. */
export async function pace(milliseconds: number): Promise<void> {
  await once(AbortSignal.timeout(milliseconds), 'abort');
}
