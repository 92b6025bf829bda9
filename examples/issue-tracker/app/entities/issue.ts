import { BaseEntity, OptionalProps, type EventArgs } from '@mikro-orm/core';
import { AfterUpdate, Entity, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { Publisher } from '../bus.js';
import { identifier } from './identifier.js';
import { Repository } from './repository.js';
import { User } from './user.js';

/** What an action was about, beside the issue or pull request itself. */
export interface Details {
  readonly label?: string;
  readonly milestone?: string;
  readonly assignee?: string;
  readonly reviewer?: string;
  readonly edited?: readonly string[];
}

@Entity({ tableName: 'issues' })
export class Issue extends Publisher(BaseEntity) {
  [OptionalProps]?: 'listeners';

  @PrimaryKey({ type: identifier, autoincrement: false })
  id!: number;

  @ManyToOne(() => Repository, { eager: true })
  repository!: Repository;

  @ManyToOne(() => User, { eager: true })
  author!: User;

  @Property()
  number!: number;

  @Property()
  title!: string;

  @Property({ type: 'text' })
  body!: string;

  @Property()
  state!: string;

  @Property()
  locked!: boolean;

  @Property({ type: 'json' })
  labels!: string[];

  @Property({ type: 'text', nullable: true })
  milestone!: string | null;

  @Property({ type: 'datetime' })
  updatedAt!: Date;

  happened(action: string, actor: User, details: Details): void {
    this.broadcast(`issue_${action}`, this, actor, details);
  }

  @AfterUpdate()
  saved({ changeSet }: EventArgs<Issue>): void {
    this.broadcast('issue_saved', { id: this.id, fields: Object.keys(changeSet?.payload ?? {}) });
  }
}
