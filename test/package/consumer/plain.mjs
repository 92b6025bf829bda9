import { defineEvent, EventStore, memoryLog } from 'handover';
import { createBus } from 'handover/legacy';
import { captureEvents } from 'handover/testing';

class Noted extends defineEvent('Noted') {}

const store = new EventStore({ log: memoryLog() });
const heard = [];
store.subscribe(async ({ data }) => heard.push(data.text), { to: [Noted] });
await store.publish(new Noted({ text: 'published' }), { stream: 'Note-1' });

const bus = createBus();
bus.subscribe({ noted: ({ text }) => heard.push(text) });
bus.connect(store, { events: { noted: Noted } });
class Author extends bus.Publisher() {
  note(text) {
    this.broadcast('noted', { text });
  }
}
const captured = await captureEvents(store, [Noted], async () => new Author().note('broadcast'));

const [recorded] = await store.read.stream('Note-1').toArray();
console.log(
  JSON.stringify({ heard, captured: captured.map(({ data }) => data.text), version: recorded.version }),
);
