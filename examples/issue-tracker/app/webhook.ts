/** One webhook as GitHub delivered it: its kind, and the few fields of its payload that this application reads. */
export interface Webhook {
  readonly kind: string;
  readonly payload: Payload;
}

export interface Payload {
  readonly action: string;
  readonly repository: RepositoryFields;
  readonly sender: UserFields;
  readonly issue?: IssueFields;
  readonly pull_request?: PullRequestFields;
  readonly discussion?: { readonly id: number; readonly title: string };
  readonly comment?: CommentFields;
  readonly review?: ReviewFields;
  readonly thread?: { readonly node_id: string; readonly comments: readonly unknown[] };
  readonly label?: LabelFields;
  readonly milestone?: MilestoneFields;
  readonly assignee?: UserFields | null;
  readonly requested_reviewer?: UserFields;
  readonly changes?: Readonly<Record<string, unknown>>;
}

export interface UserFields {
  readonly id: number;
  readonly login: string;
}

export interface RepositoryFields {
  readonly id: number;
  readonly full_name: string;
  readonly updated_at: string;
}

export interface IssueFields {
  readonly id: number;
  readonly number: number;
  readonly title: string;
  readonly body?: string | null;
  readonly state?: string;
  readonly locked?: boolean;
  readonly user: UserFields;
  readonly labels?: readonly LabelFields[];
  readonly milestone?: MilestoneFields | null;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface PullRequestFields extends IssueFields {
  readonly draft?: boolean;
  readonly merged_at?: string | null;
}

export interface CommentFields {
  readonly id: number;
  readonly body: string;
  readonly user: UserFields;
  readonly commit_id?: string;
  readonly updated_at: string;
}

export interface ReviewFields {
  readonly id: number;
  readonly state: string;
  readonly body: string | null;
  readonly user: UserFields;
  readonly submitted_at: string;
}

export interface LabelFields {
  readonly id: number;
  readonly name: string;
  readonly color: string;
}

export interface MilestoneFields {
  readonly id: number;
  readonly title: string;
  readonly state: string;
  readonly updated_at: string;
}
