import { BaseEntity, OptionalProps } from '@mikro-orm/core';
import { Entity, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { Publisher } from '../bus.js';
import { identifier } from './identifier.js';
import { PullRequest } from './pull-request.js';
import { User } from './user.js';

@Entity({ tableName: 'reviews' })
export class Review extends Publisher(BaseEntity) {
  [OptionalProps]?: 'listeners';

  @PrimaryKey({ type: identifier, autoincrement: false })
  id!: number;

  @ManyToOne(() => PullRequest, { eager: true })
  pullRequest!: PullRequest;

  @ManyToOne(() => User, { eager: true })
  author!: User;

  @Property()
  state!: string;

  @Property({ type: 'datetime' })
  updatedAt!: Date;

  happened(action: string, actor: User): void {
    this.broadcast(`pull_request_review_${action}`, this, actor);
  }
}
