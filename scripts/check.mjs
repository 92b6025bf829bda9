// One word for done: `npm run check`. Stops at the first section that fails.
import { spawnSync } from 'node:child_process';

const sections = [
  ['Format', 'format'],
  ['Lint', 'lint'],
  ['Types', 'typecheck'],
  ['Documents', 'docs:check'],
  ['Build', 'build'],
  ['Tests', 'test'],
];

for (const [title, script] of sections) {
  console.log(`\n── ${title}: npm run ${script}`);
  const { status } = spawnSync('npm', ['run', '--silent', script], { stdio: 'inherit' });
  if (status !== 0) {
    console.error(`\n── ${title} failed\n  → npm run ${script}`);
    process.exit(status ?? 1);
  }
}
console.log('\n── Done: everything passed');
