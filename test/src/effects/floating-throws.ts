import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { EffectScope, guardEffects, runInScope } from 'handover';

const [act = '', place = '', listening = ''] = process.argv.slice(2);
const path = `${place}/written`;

const acts: Readonly<Record<string, () => unknown>> = {
  later: () => setImmediate(() => fs.appendFileSync(path, 'x')),
  process: () => setImmediate(() => spawn('touch', [path])),
  datagram: () => {
    const socket = dgram.createSocket('udp4');
    setImmediate(() => {
      socket.send('x', 9, '127.0.0.1');
      socket.close();
    });
  },
  callback: () => fs.readFile(import.meta.filename, () => fs.writeFile(path, 'x', () => undefined)),
  stream: () => fs.createWriteStream(path).end('x'),
  socket: () => setImmediate(() => net.connect(9, '127.0.0.1')),
  own: () =>
    setImmediate(() => {
      throw new Error('own');
    }),
  // Outside of the run, as below.
  program: () => undefined,
};

if (listening === 'listening') {
  process.on('uncaughtException', (error) => {
    process.stdout.write(`heard: ${error.message}\n`, () => process.exit(9));
  });
}
guardEffects();
const scope = new EffectScope('captured');
runInScope(scope, () => void acts[act]?.());

const isQuiet = () => act !== 'program' && scope.escapes.length === 0;
for (let turns = 0; turns < 50_000 && isQuiet(); turns += 1) await turn();
// What follows a refusal has its turn.
for (let turns = 0; turns < 20; turns += 1) await turn();
process.stdout.write(`${scope.escapes.map(({ what }) => what.replace(place, '')).join('; ')}\n`);
setImmediate(() => {
  if (act === 'program') throw new Error('of the program');
  process.stdout.write(`written: ${fs.existsSync(path)}\n`);
});
