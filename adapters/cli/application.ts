import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { EventStore } from '../../src/index.js';
import type { Bus } from '../../legacy/index.js';
import { CommandFailed } from './command-failed.js';

/** What a configuration file gives to the commands. */
export interface Configured {
  /** Connected, with its pairs declared. Only `migrate` does without. */
  readonly bus?: Bus | undefined;
  readonly store: EventStore;
  /** Frees what the file opened, such as the ORM. */
  readonly close?: (() => Promise<void>) | undefined;
}

/** What the commands about pairs need. */
export interface Application extends Configured {
  readonly bus: Bus;
}

const usual = ['handover.config.js', 'handover.config.mjs', 'handover.config.ts'];
const example = 'It exports `default { bus, store, close }`, or a function that gives that.';

/** @throws {CommandFailed} */
export async function loadConfigured(file: string | undefined): Promise<Configured> {
  const path = file ?? usual.find((each) => existsSync(each));
  if (path === undefined || !existsSync(path)) {
    throw new CommandFailed(
      path === undefined ? `There is no ${usual.join(', ')} here.` : `There is no file ${path}.`,
      `Write one, or name it with --config. ${example}`,
    );
  }
  const loaded = (await import(pathToFileURL(resolve(path)).href)) as { readonly default?: unknown };
  const given: unknown = typeof loaded.default === 'function' ? await loaded.default() : loaded.default;
  if (isConfigured(given)) return given;
  throw new CommandFailed(`${path} gives no store.`, example);
}

/** With what its ledgers say of each pair. @throws {CommandFailed} There is no bus. */
export async function readyApplication({ bus, store, close }: Configured): Promise<Application> {
  if (!hasMethod(bus, 'pair')) throw new CommandFailed('The configuration gives no bus.', example);
  for (const pair of bus.pairs) await pair.ready();
  return { bus, store, close };
}

function isConfigured(value: unknown): value is Configured {
  return typeof value === 'object' && value !== null && hasMethod(Reflect.get(value, 'store'), 'publish');
}

function hasMethod<T>(value: T, name: string): value is NonNullable<T> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function';
}
