import { BaseEntity, OptionalProps } from '@mikro-orm/core';
import { AfterCreate, Entity, PrimaryKey, Property } from '@mikro-orm/decorators/legacy';
import { Publisher } from '../bus.js';
import { identifier } from './identifier.js';

@Entity({ tableName: 'users' })
export class User extends Publisher(BaseEntity) {
  [OptionalProps]?: 'listeners';

  @PrimaryKey({ type: identifier, autoincrement: false })
  id!: number;

  @Property()
  login!: string;

  @AfterCreate()
  joined(): void {
    this.broadcast('user_joined', { id: this.id, login: this.login });
  }
}
