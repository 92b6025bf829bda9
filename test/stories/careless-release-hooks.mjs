// Puts `careless-release.ts` in the place of the example's second release, in each process of it.
import { registerHooks } from 'node:module';

const careless = new URL('./careless-release.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    nextResolve(specifier.endsWith('/mended-release.ts') ? careless : specifier, context),
});
