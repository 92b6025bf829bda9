import { HandoverError } from './handover-error.js';

/** Something with an effect was called where nothing may have one. */
export class EffectForbidden extends HandoverError {
  readonly code = 'effect_forbidden';
  readonly effect: string;

  constructor(effect: string) {
    super(
      `${effect} has an effect on the world, and none is allowed here.`,
      'Wrap what it belongs to with `effectPort`, so that it can be captured.',
    );
    this.effect = effect;
  }
}
