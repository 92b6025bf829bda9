import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export interface SourceFile {
  /** From the root of the repository, with `/` between its parts. */
  readonly path: string;
  readonly text: string;
}

export const repository = fileURLToPath(new URL('../../', import.meta.url));

const roots = ['src', 'legacy', 'adapters', 'examples', 'bench', 'test', 'scripts'];

/** Every code file of the house. */
export async function sourceFiles(): Promise<readonly SourceFile[]> {
  const found = roots.flatMap((root) =>
    globSync(`${root}/**/*.{ts,mts,cts,js,mjs,cjs}`, { cwd: repository }),
  );
  const paths = found.map((path) => path.replaceAll('\\', '/')).toSorted();
  return Promise.all(
    paths.map(async (path) => ({
      path,
      text: await readFile(new URL(path, `file://${repository}`), 'utf8'),
    })),
  );
}
