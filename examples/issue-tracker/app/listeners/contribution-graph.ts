import type { User } from '../entities/user.js';

/** Counts who contributed how often on which day, in memory, as the profile page shows it. */
export class ContributionGraph {
  readonly days = new Map<string, number>();

  contributed(subject: { readonly updatedAt: Date }, actor: User) {
    const square = `${actor.login} ${subject.updatedAt.toISOString().slice(0, 10)}`;
    this.days.set(square, (this.days.get(square) ?? 0) + 1);
  }

  /** Contributions per login, most first. */
  totals(): { readonly login: string; readonly contributions: number }[] {
    const totals = new Map<string, number>();
    for (const [square, count] of this.days) {
      const login = square.slice(0, square.lastIndexOf(' '));
      totals.set(login, (totals.get(login) ?? 0) + count);
    }
    return [...totals]
      .map(([login, contributions]) => ({ login, contributions }))
      .toSorted((one, other) => other.contributions - one.contributions);
  }
}
