import { judgedOnce } from './compared.js';

process.on('uncaughtException', (error) => {
  process.stdout.write(`uncaught: ${error.message}\n`, () => process.exit(7));
});

const idle = () => undefined;
const refused = await judgedOnce({
  listener: idle,
  handler: () => void (async () => await fetch('http://127.0.0.1:9/'))(),
});
const broken = await judgedOnce({
  listener: idle,
  handler: () => void (async () => Promise.reject(new Error('of the handler')))(),
});
process.stdout.write(`judged: ${refused.verdict} ${broken.verdict}\n`);
void Promise.reject(new Error('of the program'));
