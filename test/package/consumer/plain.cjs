const { defineEvent, EventStore } = require('handover');
const { createBus } = require('handover/legacy');
const { captureEvents } = require('handover/testing');

class Noted extends defineEvent('Noted') {}

async function main() {
  const store = new EventStore();
  const heard = [];
  store.subscribe(async ({ data }) => heard.push(data.text), { to: [Noted] });
  const [recorded] = await store.publish(new Noted({ text: 'published' }), { stream: 'Note-1' });
  const bus = createBus();
  bus.connect(store, { events: { noted: Noted } });
  const author = bus.publisher({});
  const captured = await captureEvents(store, [Noted], async () =>
    author.broadcast('noted', { text: 'broadcast' }),
  );
  console.log(
    JSON.stringify({ heard, captured: captured.map(({ data }) => data.text), version: recorded.version }),
  );
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
