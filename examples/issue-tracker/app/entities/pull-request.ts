import { BaseEntity, OptionalProps, type EventArgs } from '@mikro-orm/core';
import { AfterUpdate, Entity, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { Publisher } from '../bus.js';
import { identifier } from './identifier.js';
import type { Details } from './issue.js';
import { Repository } from './repository.js';
import { User } from './user.js';

@Entity({ tableName: 'pull_requests' })
export class PullRequest extends Publisher(BaseEntity) {
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

  @Property()
  state!: string;

  @Property()
  draft!: boolean;

  @Property()
  merged!: boolean;

  @Property({ type: 'datetime' })
  updatedAt!: Date;

  happened(action: string, actor: User, details: Details): void {
    this.broadcast(`pull_request_${action}`, this, actor, details);
  }

  threadHappened(action: string, actor: User, thread: string): void {
    this.broadcast(`pull_request_review_thread_${action}`, this, actor, { thread });
  }

  @AfterUpdate()
  saved({ changeSet }: EventArgs<PullRequest>): void {
    this.broadcast('pull_request_saved', { id: this.id, fields: Object.keys(changeSet?.payload ?? {}) });
  }
}
