/* Compiled, never run: what the types of the legacy door allow and refuse. */
import { type Bus, createBus, type OpenPublisher } from '../../legacy/index.js';

const bus: Bus = createBus();
const { Publisher, subscribe, publisher } = bus;

class Entity {
  static readonly table: string = 'entities';
  protected static registry = new Map<string, Entity>();
  readonly id: number;
  protected secret = 1;
  constructor(id: number) {
    this.id = id;
  }
}

export class Party extends Publisher(Entity) {
  changed(): this {
    this.publish('changed').subscribe({ changed() {} });
    Party.registry.set('a', this);
    return this.broadcast('changed', { id: this.id, secret: this.secret });
  }
}

const party = new Party(7);
export const id: number = party.id;
export const table: string = Party.table;
export const chained: Party = party
  .subscribe({}, { on: ['a', 'b'], prefix: true })
  .on('a', 'b', (x: number) => x);
export const heard: readonly object[] = party.listeners;
export const returned: Bus = Party.subscribe(Map, { with: 'handle' });

subscribe({}, { deliver: 'after-commit' });
Party.subscribe({}, { deliver: 'inline', async: true });
party.subscribe({}, { deliver: 'after-commit', with: 'changed' });
export const meanwhile: Bus = subscribe({}, { deliver: 'after-commit' }, () => 5);
export const awaited: Promise<Bus> = subscribe({}, { deliver: 'after-commit' }, async () => {});

// @ts-expect-error a listener hears inline or after the commit
party.subscribe({}, { deliver: 'queued' });
// @ts-expect-error a listener hears inline or after the commit
Party.subscribe({}, { deliver: true });
// @ts-expect-error blocks are inline
party.on('a', { deliver: 'after-commit' }, () => {});
// @ts-expect-error the constructor is the base class's
export const wrongId = new Party('7');
// @ts-expect-error broadcast is for the publisher itself
party.broadcast('changed');
// @ts-expect-error publish is for the publisher itself
party.publish('changed');
// @ts-expect-error protected members stay protected
export const secret = party.secret;
// @ts-expect-error there is no such option
party.subscribe({}, { onn: 'a' });
// @ts-expect-error a pattern stands alone
party.subscribe({}, { on: [/a/] });
// @ts-expect-error leave the prefix out instead
party.subscribe({}, { prefix: false });
// @ts-expect-error one method only
party.subscribe({}, { with: ['a'] });
// @ts-expect-error a string is no listener
party.subscribe('Listener');
// @ts-expect-error one listener at a time
party.subscribe({}, {}, {});
// @ts-expect-error a block is needed
party.on('a');
// @ts-expect-error an event is needed
party.on(() => {});
// @ts-expect-error blocks are for instances
Party.on('a', () => {});
// @ts-expect-error the list is read only
party.listeners.push({});

abstract class Model {
  abstract save(): void;
}
export class Quote extends Publisher(Model) {
  save(): void {
    this.broadcast('saved');
  }
}
// @ts-expect-error save is still abstract
export class Unfinished extends Publisher(Model) {}

export class Box<T> extends Publisher() {
  constructor(readonly_: T) {
    super();
    this.broadcast('made', readonly_);
  }
}

export const now: Bus = subscribe({}, {}, { scope: [Party, 'Quote'], async: true });
export const during: Bus = subscribe({}, { on: /a/ }, () => 5);
export const later: Promise<Bus> = subscribe({}, {}, async () => Promise.resolve());
export const several: Promise<Bus> = subscribe({}, {}, { on: 'a' }, async () => Promise.resolve());
// @ts-expect-error a number is no listener
void subscribe(5);

const door = publisher({ colour: 'red' });
export const open: OpenPublisher & { colour: string } = door.broadcast('opened', 1).on('closed', () => {});
// @ts-expect-error the event comes first
door.broadcast();

bus.configure((c) => c.broadcaster('a', { broadcast: (listener: object) => listener }));
bus.configuration.defaultPrefix = undefined;
// @ts-expect-error keys are strings
bus.configuration.broadcaster(5, door);
// @ts-expect-error it must broadcast
bus.configuration.broadcaster('a', {});
