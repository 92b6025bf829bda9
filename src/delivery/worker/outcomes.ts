import { DeliveryLost } from '../../errors/delivery-errors.js';
import { HandlerFailed } from '../../errors/handler-errors.js';
import type { DeliveryLog, FailureReport } from '../delivery-log.js';
import { toDeliveryError } from '../failure-text.js';
import { nextStep } from '../retry-policy.js';
import { Batches } from './batches.js';
import type { DeliveryRun, Ending } from './delivery-run.js';

const buried =
  'It is a dead letter: see `store.deadLetters`. Mend the handler, then retry it; or skip it with a reason.';
const stopped =
  'It is a dead letter, and later events of its key wait: see `store.deadLetters`. Mend the handler, then retry it; or skip it with a reason.';
const mostRemembered = 10_000;

/** Brings the endings of runs into the log. */
export class Outcomes {
  readonly #completions: Batches<string>;
  readonly #failures: Batches<FailureReport>;
  readonly #report: (error: unknown) => void;
  /** Failures in a row that did not count, by delivery. Others do not know of them: the bound is one process's. */
  readonly #uncounted = new Map<string, number>();

  constructor(log: Pick<DeliveryLog, 'complete' | 'fail'>, report: (error: unknown) => void) {
    this.#completions = new Batches(
      (tokens) => log.complete(tokens),
      (token) => token,
      report,
    );
    this.#failures = new Batches(
      (failures) => log.fail(failures),
      (failure) => failure.token,
      report,
    );
    this.#report = report;
  }

  /** Never rejects. */
  async settle(run: DeliveryRun, ending: Ending): Promise<void> {
    if (ending.kind === 'failed') await this.#fail(run, ending.error);
    else if (ending.kind === 'handled') await this.#complete(run);
    else this.#uncounted.delete(keyOf(run));
  }

  halt(): void {
    this.#completions.halt();
    this.#failures.halt();
  }

  async #complete(run: DeliveryRun): Promise<void> {
    this.#uncounted.delete(keyOf(run));
    const answer = await this.#completions.add(run.delivery.token);
    if (answer === 'lost') this.#report(new DeliveryLost(run.handler.name, run.delivery.event.id));
  }

  async #fail(run: DeliveryRun, error: unknown): Promise<void> {
    const { handler, delivery } = run;
    const uncounted = this.#uncounted.get(keyOf(run)) ?? 0;
    const next = nextStep({ error, attempt: delivery.attempt, uncounted }, handler.queued);
    this.#uncounted.delete(keyOf(run));
    if (next.kind === 'retry-uncounted') this.#remember(run, uncounted + 1);
    const failure = { token: delivery.token, error: toDeliveryError(error), next };
    const answer = await this.#failures.add(failure);
    if (answer !== 'held' || next.kind !== 'dead') return;
    const remedy = handler.queued.orderedBy === undefined ? buried : stopped;
    this.#report(new HandlerFailed(handler.name, delivery.event, error, remedy));
  }

  #remember(run: DeliveryRun, failures: number): void {
    const [oldest] = this.#uncounted.keys();
    if (this.#uncounted.size >= mostRemembered && oldest !== undefined) this.#uncounted.delete(oldest);
    this.#uncounted.set(keyOf(run), failures);
  }
}

function keyOf({ delivery }: DeliveryRun): string {
  return `${delivery.event.id}:${delivery.handler}`;
}
