import type { Event } from 'handover';
import type { Details } from '../app/entities/issue.js';

interface SubjectData extends Details {
  readonly repository: string;
  readonly title: string;
  readonly author: string;
  readonly actor: string;
  readonly at: Date;
}

/** What an old listener is handed when there is an event and no entity: as much of the entity as listeners read. */
export function subjectAndActor({ data }: Event<SubjectData>): readonly unknown[] {
  const { repository, title, author, actor, at, label, milestone, assignee, reviewer, edited } = data;
  const told = Object.entries({ label, milestone, assignee, reviewer, edited });
  const details = Object.fromEntries(told.filter(([, detail]) => detail !== undefined));
  const subject = { repository: { name: repository }, title, author: { login: author }, updatedAt: at };
  return [subject, { login: actor }, details];
}
