/** The key of a delivery, and which of its leases: what a token says. */
export interface Lease {
  readonly handler: string;
  readonly position: string;
  /** Rises with every lease that is given. */
  readonly fence: string;
}

/** Up to what fits the columns. */
const form = /^(\d{1,9})\.(\d{1,18})\.(\d{1,18})$/;

export function tokenOf({ handler, position, fence }: Lease): string {
  return `${handler}.${position}.${fence}`;
}

/** `undefined`: no log of ours gave this token. */
export function leaseOf(token: string): Lease | undefined {
  const [, handler, position, fence] = form.exec(token) ?? [];
  return handler === undefined || position === undefined || fence === undefined
    ? undefined
    : { handler, position, fence };
}

/** Values of `p_positions`, `p_handlers` and `p_fences`, which lease functions begin with. */
export function leaseColumns(leases: readonly Lease[]): readonly (readonly string[])[] {
  return [
    leases.map(({ position }) => position),
    leases.map(({ handler }) => handler),
    leases.map(({ fence }) => fence),
  ];
}
