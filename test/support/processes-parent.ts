import { createInterface } from 'node:readline';

/** The other end of `runInProcess`, for the program itself. It ends when its parent does. */
const input = createInterface(process.stdin).once('close', () => process.exit());
const orders = input[Symbol.asyncIterator]();

/** What the test reads with `nextLine()`. */
export function tellParent(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What the test wrote with `send()`. */
export async function nextOrder(): Promise<string> {
  const { value } = await orders.next();
  return String(value);
}
