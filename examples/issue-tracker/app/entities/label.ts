import { BaseEntity, OptionalProps } from '@mikro-orm/core';
import { Entity, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { Publisher } from '../bus.js';
import { identifier } from './identifier.js';
import { Repository } from './repository.js';
import { User } from './user.js';

@Entity({ tableName: 'labels' })
export class Label extends Publisher(BaseEntity) {
  [OptionalProps]?: 'listeners';

  @PrimaryKey({ type: identifier, autoincrement: false })
  id!: number;

  @ManyToOne(() => Repository, { eager: true })
  repository!: Repository;

  @Property()
  name!: string;

  @Property()
  color!: string;

  @Property()
  deleted!: boolean;

  happened(action: string, actor: User): void {
    this.broadcast(`label_${action}`, this, actor);
  }
}
