import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { EventStore } from '../../src/index.js';
import type { Bus } from '../../legacy/index.js';
import { CommandFailed } from './command-failed.js';

/** What a configuration file gives to the commands. */
export interface Application {
  /** Connected, with its pairs declared. */
  readonly bus: Bus;
  readonly store: EventStore;
  /** Frees what the file opened, such as the ORM. */
  readonly close?: () => Promise<void>;
}

const usual = ['handover.config.js', 'handover.config.mjs', 'handover.config.ts'];
const example = 'It exports `default { bus, store, close }`, or a function that gives that.';

/** @throws {CommandFailed} */
export async function loadApplication(file: string | undefined): Promise<Application> {
  const path = file ?? usual.find((each) => existsSync(each));
  if (path === undefined || !existsSync(path)) {
    throw new CommandFailed(
      path === undefined ? `There is no ${usual.join(', ')} here.` : `There is no file ${path}.`,
      `Write one, or name it with --config. ${example}`,
    );
  }
  const loaded = (await import(pathToFileURL(resolve(path)).href)) as { readonly default?: unknown };
  const given: unknown = typeof loaded.default === 'function' ? await loaded.default() : loaded.default;
  if (isApplication(given)) return given;
  throw new CommandFailed(`${path} gives no bus and store.`, example);
}

function isApplication(value: unknown): value is Application {
  if (typeof value !== 'object' || value === null) return false;
  const { bus, store } = value as Partial<Record<keyof Application, unknown>>;
  return hasMethod(bus, 'pair') && hasMethod(store, 'publish');
}

function hasMethod(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function';
}
