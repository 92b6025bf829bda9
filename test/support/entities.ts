import { Collection, type Ref } from '@mikro-orm/core';
import {
  AfterCreate,
  AfterUpdate,
  BeforeCreate,
  BeforeUpdate,
  Entity,
  ManyToOne,
  OneToMany,
  PrimaryKey,
  Property,
} from '@mikro-orm/decorators/legacy';

export { ReflectMetadataProvider } from '@mikro-orm/decorators/legacy';

type Moment = 'beforeCreate' | 'afterCreate' | 'beforeUpdate' | 'afterUpdate';

@Entity()
export class Catalog {
  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string' })
  name!: string;

  @OneToMany(() => CatalogItem, (item) => item.catalog)
  items = new Collection<CatalogItem>(this);
}

/** Tells `listeners` of its lifecycle, at once and synchronously, as a model that broadcasts does. */
@Entity()
export class CatalogItem {
  static readonly listeners = new Set<(moment: Moment, item: CatalogItem) => void>();

  @PrimaryKey({ type: 'integer' })
  id!: number;

  @Property({ type: 'string' })
  name!: string;

  @Property({ type: 'integer', default: 0 })
  amount = 0;

  @ManyToOne(() => Catalog, { ref: true, nullable: true })
  catalog?: Ref<Catalog>;

  @BeforeCreate()
  beforeCreate(): void {
    tell(this, 'beforeCreate');
  }

  @AfterCreate()
  afterCreate(): void {
    tell(this, 'afterCreate');
  }

  @BeforeUpdate()
  beforeUpdate(): void {
    tell(this, 'beforeUpdate');
  }

  @AfterUpdate()
  afterUpdate(): void {
    tell(this, 'afterUpdate');
  }
}

function tell(item: CatalogItem, moment: Moment): void {
  for (const listener of CatalogItem.listeners) listener(moment, item);
}
