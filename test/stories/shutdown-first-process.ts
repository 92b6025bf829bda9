import { EventStore } from 'handover';

const store = new EventStore();
await store.work();
setInterval(() => undefined, 1_000);
process.stdout.write(`${process.pid}\n`);
process.kill(process.pid, 'SIGTERM');
