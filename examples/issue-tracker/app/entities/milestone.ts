import { BaseEntity, OptionalProps } from '@mikro-orm/core';
import { Entity, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { Publisher } from '../bus.js';
import { identifier } from './identifier.js';
import { Repository } from './repository.js';
import { User } from './user.js';

@Entity({ tableName: 'milestones' })
export class Milestone extends Publisher(BaseEntity) {
  [OptionalProps]?: 'listeners';

  @PrimaryKey({ type: identifier, autoincrement: false })
  id!: number;

  @ManyToOne(() => Repository, { eager: true })
  repository!: Repository;

  @Property()
  title!: string;

  @Property()
  state!: string;

  @Property({ type: 'datetime' })
  updatedAt!: Date;

  happened(action: string, actor: User): void {
    this.broadcast(`milestone_${action}`, this, actor);
  }
}
