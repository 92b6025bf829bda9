import type { Comment } from '../entities/comment.js';

const tolerated = 3;

/** Marks comments whose text the same author has sent too often. Changes the row that is about to be saved. */
export class SpamCheck {
  readonly #seen = new Map<string, number>();

  issue_comment_created(comment: Comment) {
    this.#check(comment);
  }

  commit_comment_created(comment: Comment) {
    this.#check(comment);
  }

  discussion_comment_created(comment: Comment) {
    this.#check(comment);
  }

  pull_request_review_comment_created(comment: Comment) {
    this.#check(comment);
  }

  #check(comment: Comment) {
    const text = `${comment.author.id}: ${comment.body}`;
    const times = (this.#seen.get(text) ?? 0) + 1;
    this.#seen.set(text, times);
    comment.spam = times > tolerated;
  }
}
