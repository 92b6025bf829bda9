/** Where mails end up; a real application would hand them to a mail server at once. */
export type Mailbox = Mail[];

export interface Mail {
  readonly to: string;
  readonly subject: string;
}
