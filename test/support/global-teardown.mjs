export default async function globalTeardown() {
  await globalThis.handoverPostgresService?.close();
}
