import { BaseEntity, OptionalProps } from '@mikro-orm/core';
import { AfterCreate, Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { Publisher } from '../bus.js';
import { identifier } from './identifier.js';
import { User } from './user.js';

@Entity({ tableName: 'repositories' })
export class Repository extends Publisher(BaseEntity) {
  [OptionalProps]?: 'listeners' | 'opened' | 'closed' | 'commented' | 'reviewed';

  @PrimaryKey({ type: identifier, autoincrement: false })
  id!: number;

  @Property()
  name!: string;

  @Property()
  opened: number = 0;

  @Property()
  closed: number = 0;

  @Property()
  commented: number = 0;

  @Property()
  reviewed: number = 0;

  @AfterCreate()
  added(): void {
    this.broadcast('repository_added', { id: this.id, name: this.name });
  }

  /** For webhooks about nothing that this application keeps. */
  heard(kind: string, action: string, actor: User): void {
    this.broadcast(`${kind}_${action}`, { repository: this.name, actor: actor.login });
  }
}
