const swc = {
  jsc: {
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
    target: 'es2023',
    keepClassNames: true,
  },
  module: { type: 'es6' },
  sourceMaps: 'inline',
};

export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', swc] },
  moduleNameMapper: {
    '^handover$': '<rootDir>/src/index.ts',
    '^handover/legacy$': '<rootDir>/legacy/index.ts',
    '^handover/bullmq$': '<rootDir>/adapters/bullmq/index.ts',
    '^handover/mikro-orm$': '<rootDir>/adapters/mikro-orm/index.ts',
    '^handover/openfeature$': '<rootDir>/adapters/openfeature/index.ts',
    '^handover/testing/jest$': '<rootDir>/src/testing/jest.ts',
    '^handover/testing$': '<rootDir>/src/testing/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  reporters: ['default', '<rootDir>/scripts/test-summary.mjs'],
  testTimeout: 30_000,
};
