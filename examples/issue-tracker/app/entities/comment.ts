import { BaseEntity, OptionalProps } from '@mikro-orm/core';
import { Entity, ManyToOne, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { Publisher } from '../bus.js';
import { Repository } from './repository.js';
import { User } from './user.js';

/** What is commented on. */
export interface Subject {
  readonly type: 'Issue' | 'PullRequest' | 'Commit' | 'Discussion';
  readonly id: string;
  readonly title: string;
}

@Entity({ tableName: 'comments' })
export class Comment extends Publisher(BaseEntity) {
  [OptionalProps]?: 'listeners' | 'deleted' | 'spam';

  /** The kind of comment and GitHub's id, which is unique within that kind only. */
  @PrimaryKey()
  id!: string;

  @ManyToOne(() => Repository, { eager: true })
  repository!: Repository;

  @ManyToOne(() => User, { eager: true })
  author!: User;

  @Property({ type: 'json' })
  subject!: Subject;

  @Property({ type: 'text' })
  body!: string;

  @Property()
  deleted: boolean = false;

  @Property()
  spam: boolean = false;

  @Property({ type: 'datetime' })
  updatedAt!: Date;

  happened(kind: string, action: string, actor: User): void {
    this.broadcast(`${kind}_${action}`, this, actor);
  }
}
