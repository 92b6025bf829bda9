import { describe, expect, it } from '@jest/globals';
import { createBus, type Scope, type SubscribeOptions } from '../../legacy/index.js';
import { callOf, earFor, errorOf } from './ears.js';

const bus = createBus();
const { Publisher } = bus;

const Auditable = <Base extends new (...args: never[]) => object>(base: Base) => {
  const Parent = base as unknown as new () => object;
  return class Audited extends Parent {} as unknown as Base;
};

class Order extends Auditable(Publisher()) {
  place() {
    return this.broadcast('placed', this.constructor.name);
  }
}
class RushOrder extends Order {}
class Invoice extends Publisher() {
  place() {
    return this.broadcast('placed', this.constructor.name);
  }
}

function heardWithin(scope: Scope | readonly Scope[] | null | undefined): unknown[] {
  const ear = earFor(['placed']);
  bus.subscribe(ear, { scope });
  new Order().place();
  new RushOrder().place();
  new Invoice().place();
  bus.unsubscribe(ear);
  return ear.heard.map(([, publisher]) => publisher);
}

describe('the option scope', () => {
  it('lets events of the class and its subclasses through', () => {
    // W60, W63
    expect(heardWithin(Order)).toEqual(['Order', 'RushOrder']);
    expect(heardWithin(RushOrder)).toEqual(['RushOrder']);
  });

  it('takes a name, or several classes and names', () => {
    // W61
    expect(heardWithin('Order')).toEqual(['Order', 'RushOrder']);
    expect(heardWithin(['RushOrder', Invoice])).toEqual(['RushOrder', 'Invoice']);
    expect(heardWithin('Nobody')).toEqual([]);
  });

  it('counts every ancestor, mixed-in classes too', () => {
    // W62
    expect(heardWithin('Audited')).toEqual(['Order', 'RushOrder']);
    for (const name of ['Publisher', 'Object', Object]) {
      expect(heardWithin(name)).toEqual(['Order', 'RushOrder', 'Invoice']);
    }
  });

  it('restricts nothing when it is left out, null or empty', () => {
    // W64
    for (const scope of [undefined, null, []]) expect(heardWithin(scope)).toHaveLength(3);
  });

  it('compares names, so that another class of the same name matches', () => {
    // W65
    const reloaded = Object.defineProperty(class extends Publisher() {}, 'name', { value: 'Invoice' });
    expect(heardWithin(reloaded)).toEqual(['Invoice']);
  });

  it('compares classes without a name as they are', () => {
    // W65
    const [Anonymous, Other] = [class extends Publisher() {}, class extends Publisher() {}].map((each) =>
      Object.defineProperty(each, 'name', { value: '' }),
    ) as [typeof Invoice, typeof Invoice];
    const [ear, other] = [earFor(['placed']), earFor(['placed'])];
    bus.subscribe(ear, { scope: Anonymous });
    bus.subscribe(other, { scope: Other });
    Invoice.prototype.place.call(new Anonymous());
    expect(ear.heard).toHaveLength(1);
    expect(other.heard).toEqual([]);
    bus.clear();
  });

  it('goes by a static publisherName, which no minifier touches and no subclass inherits', () => {
    // W65, W223
    class n extends Publisher() {
      static readonly publisherName: string = 'Shipment';
      ship() {
        this.broadcast('placed', 'shipment');
      }
    }
    class m extends n {}
    const [ear, other] = [earFor(['placed']), earFor(['placed'])];
    bus.subscribe(ear, { scope: 'Shipment' });
    bus.subscribe(other, { scope: m });
    new n().ship();
    new m().ship();
    expect(ear.heard).toHaveLength(2);
    expect(other.heard).toHaveLength(1);
    bus.clear();
  });

  it('counts for subscriptions to one publisher too', () => {
    // W66
    const [ear, other] = [earFor(['placed']), earFor(['placed'])];
    new Order().subscribe(ear, { scope: Order }).subscribe(other, { scope: Invoice }).place();
    expect(ear.heard).toHaveLength(1);
    expect(other.heard).toEqual([]);
  });

  it.each([[5], [{}], [[5]], [true]])('is refused when it is %p', (scope) => {
    expect(() => bus.subscribe(earFor([]), { scope } as unknown as SubscribeOptions)).toThrow(
      errorOf('invalid_argument', /`scope`/),
    );
    expect(bus.listeners).toEqual([]);
  });
});

describe('subscribing to a class', () => {
  it('reaches its instances and those of subclasses, existing and future', () => {
    // W89
    const ear = earFor(['placed']);
    const before = new Order();
    Order.subscribe(ear);
    before.place();
    new RushOrder().place();
    new Invoice().place();
    expect(ear.heard).toEqual([
      ['placed', 'Order'],
      ['placed', 'RushOrder'],
    ]);
    bus.clear();
  });

  it('takes options and replaces any scope among them', () => {
    // W90
    const ear = earFor(['on_placed']);
    RushOrder.subscribe(ear, { prefix: true, scope: 'Object' });
    new Order().place();
    new RushOrder().place();
    expect(ear.heard).toEqual([['on_placed', 'RushOrder']]);
    bus.clear();
  });

  it('takes one listener only, and no block', () => {
    // W91
    const subscribe = callOf(Order, 'subscribe');
    expect(() => subscribe(earFor([]), earFor([]))).toThrow(errorOf('invalid_argument'));
    expect(() => subscribe(earFor([]), {}, () => {})).toThrow(errorOf('invalid_argument'));
    expect(bus.listeners).toEqual([]);
  });

  it('gives back the bus, and leaves blocks to instances', () => {
    // W92, W93
    expect(Order.subscribe(earFor([]))).toBe(bus);
    expect('on' in Order).toBe(false);
    bus.clear();
  });
});
