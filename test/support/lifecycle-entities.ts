import { Collection, OptionalProps, Type, type Ref } from '@mikro-orm/core';
import {
  Embeddable,
  Embedded,
  Entity,
  Enum,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryKey,
  Property,
} from '@mikro-orm/decorators/legacy';
import { createBus } from 'handover/legacy';

export { ReflectMetadataProvider } from '@mikro-orm/decorators/legacy';

export const bus = createBus();

/** Cents in the application, a text such as `12.50 EUR` in the table. */
export class Money {
  readonly cents: number;

  constructor(cents: number) {
    this.cents = cents;
  }
}

class MoneyType extends Type<Money, string> {
  override convertToDatabaseValue(value: Money | string): string {
    return value instanceof Money ? `${(value.cents / 100).toFixed(2)} EUR` : value;
  }

  override convertToJSValue(value: Money | string): Money {
    return value instanceof Money ? value : new Money(Math.round(Number.parseFloat(value) * 100));
  }

  override getColumnType(): string {
    return 'text';
  }
}

@Embeddable()
export class Address {
  @Property({ type: 'string' })
  street: string;

  @Property({ type: 'string' })
  city: string;

  constructor(street: string, city: string) {
    this.street = street;
    this.city = city;
  }
}

@Entity()
export class Customer {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string' })
  name!: string;
}

@Entity()
export class Label {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string' })
  name!: string;

  @ManyToMany(() => Order, (order) => order.labels)
  orders = new Collection<Order>(this);
}

@Entity()
export class Order {
  [OptionalProps]?: 'version' | 'quantity' | 'summary';

  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ version: true, type: 'integer' })
  version!: number;

  @Property({ type: 'string' })
  title!: string;

  @Property({ type: 'string', unique: true, nullable: true })
  reference?: string | null;

  @Property({ type: 'integer', default: 1 })
  quantity!: number;

  @Property({ type: MoneyType, nullable: true })
  total?: Money;

  @Property({ type: 'bigint', nullable: true })
  views?: bigint;

  @Property({ type: 'json', nullable: true })
  settings?: { theme: string; size?: number };

  @Property({ type: 'datetime', nullable: true })
  dueAt?: Date;

  @Enum({ items: ['urgent', 'gift'], array: true, nullable: true })
  marks?: ('urgent' | 'gift')[];

  @Embedded(() => Address, { nullable: true })
  address?: Address;

  @Embedded(() => Address, { object: true, nullable: true })
  billing?: Address;

  @Embedded(() => Address, { array: true, nullable: true })
  stops?: Address[];

  @ManyToOne(() => Customer, { ref: true, nullable: true })
  customer?: Ref<Customer>;

  @ManyToMany(() => Label, (label) => label.orders, { owner: true })
  labels = new Collection<Label>(this);

  @OneToMany(() => OrderLine, (line) => line.order, { orphanRemoval: true })
  lines = new Collection<OrderLine>(this);

  @Property({ persist: false, type: 'string' })
  get summary(): string {
    return `${this.quantity} × ${this.title}`;
  }
}

@Entity()
export class OrderLine {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @ManyToOne(() => Order)
  order!: Order;

  @Property({ type: 'string' })
  article!: string;
}

@Entity({ discriminatorColumn: 'kind', discriminatorMap: { ticket: 'Ticket', bug: 'Bug' } })
export class Ticket {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string' })
  title!: string;
}

@Entity()
export class Bug extends Ticket {
  @Property({ type: 'string', nullable: true })
  severity?: string;
}

@Entity()
export class Meeting extends bus.Publisher() {
  [OptionalProps]?: 'listeners';

  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string', unique: true })
  subject!: string;
}

@Entity()
export class BlogPost extends bus.Publisher() {
  [OptionalProps]?: 'listeners';

  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string' })
  title!: string;
}

export const lifecycleEntities = [
  Address,
  Customer,
  Label,
  Order,
  OrderLine,
  Ticket,
  Bug,
  Meeting,
  BlogPost,
] as const;
