import { defineEvent } from 'handover';

/** Without a schema: the type alone says what the data is. */
interface CommentData {
  readonly commentId: string;
  readonly on: 'Issue' | 'PullRequest' | 'Commit' | 'Discussion';
  readonly subjectId: string;
  readonly title: string;
  readonly actor: string;
  readonly text: string;
  readonly at: Date;
}

export class CommentAdded extends defineEvent<CommentData>('CommentAdded') {}
export class CommentEdited extends defineEvent<CommentData>('CommentEdited') {}
export class CommentDeleted extends defineEvent<CommentData>('CommentDeleted') {}
