import { nextOrder, tellParent } from './processes-parent.js';

function Loud(target: abstract new () => object): void {
  Object.defineProperty(target, 'loud', { value: true });
}

@Loud
class Echo {
  readonly suffix = '!';
}

const { suffix } = new Echo();
tellParent(`loud: ${'loud' in Echo}`);
for (let order = await nextOrder(); order !== 'quit'; order = await nextOrder()) {
  tellParent(`${order}${suffix} ${process.argv.slice(2).join(' ')} ${process.env['ECHO'] ?? ''}`);
}
process.stderr.write('bye\n');
process.exit(3);
