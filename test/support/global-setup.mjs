import { requireNode } from './node-version.mjs';

/** The service lives in Jest's own process and starts a server when the first test asks for one. */
export default async function globalSetup() {
  requireNode();
  await import('./typescript-hooks.mjs');
  const { openPostgresService } = await import('./postgres-service.ts');
  const service = await openPostgresService();
  process.env.HANDOVER_TEST_POSTGRES = service.address;
  globalThis.handoverPostgresService = service;
}
