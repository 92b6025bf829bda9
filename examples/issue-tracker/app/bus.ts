import { createBus } from 'handover/legacy';

export const bus = createBus();
export const { Publisher } = bus;
