/** In one short line, whatever was thrown. */
export function reasonOf(error: unknown): string {
  try {
    return (error instanceof Error ? error.message : String(error)).slice(0, 1_000);
  } catch {
    return 'something that cannot be told';
  }
}
