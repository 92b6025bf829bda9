/** Counts which fields are written how often; hears the entities' own callbacks. */
export class WriteStatistics {
  readonly fields = new Map<string, number>();
  readonly joined: string[] = [];

  issue_saved({ fields }: { readonly fields: readonly string[] }) {
    this.#count('issue', fields);
  }

  pull_request_saved({ fields }: { readonly fields: readonly string[] }) {
    this.#count('pull request', fields);
  }

  user_joined({ login }: { readonly login: string }) {
    this.joined.push(login);
  }

  #count(entity: string, fields: readonly string[]) {
    for (const field of fields) {
      const name = `${entity} ${field}`;
      this.fields.set(name, (this.fields.get(name) ?? 0) + 1);
    }
  }
}
