import { Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';

/** A line of the activity feed. */
@Entity({ tableName: 'feed_entries' })
export class FeedEntry {
  @PrimaryKey()
  id!: number;

  @Property()
  repository!: string;

  @Property({ type: 'text' })
  text!: string;

  @Property({ type: 'datetime' })
  at!: Date;
}
