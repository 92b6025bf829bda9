type Test = (title: string, work: () => void | Promise<void>, timeout?: number) => void;

/** What a contract needs of a test runner: the globals that Jest and Vitest (`globals: true`) have in common. */
interface TestFrame {
  readonly describe: (title: string, define: () => void) => void;
  readonly it: Test & { readonly skip: Test };
}

/** @throws {TypeError} when called outside a test file. */
export function testFrame(): TestFrame {
  const { describe, it }: Partial<TestFrame> = globalThis as Partial<TestFrame>;
  if (describe === undefined || it === undefined) {
    throw new TypeError(
      'No test runner found: `describe` and `it` are no globals here.\n  → Call the contract from a test file of Jest, or of Vitest with `globals: true`.',
    );
  }
  return { describe, it };
}
