const codes = /^(E[A-Z_]+|08[0-9A-Z]{3}|57P0[123])$/;
const messages = /connection is closed|connection terminated|connection ended/i;

/** Whether an error, of any realm, says that a server is away, and nothing about what was asked of it. */
export function isConnectionError(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const { code, message, errors } = error as Readonly<Record<string, unknown>>;
  if (Array.isArray(errors)) return errors.some(isConnectionError);
  return (
    (typeof code === 'string' && codes.test(code)) || (typeof message === 'string' && messages.test(message))
  );
}
