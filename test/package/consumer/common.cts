import handover = require('handover');
import legacy = require('handover/legacy');

class Noted extends handover.defineEvent<{ text: string }>('Noted') {}

const store = new handover.EventStore();
export = { bus: legacy.createBus(), publishing: store.publish(new Noted({ text: 'from CommonJS' })) };
