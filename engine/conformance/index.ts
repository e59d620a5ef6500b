/*
 * The promises that every adapter is held to, for plug-ins: with the test runner of their choice.
 *
 *   import { after, describe, it } from 'node:test';
 *   import { exerciseFormat, FormatBench, exerciseChannel, exerciseSession } from 'capscheduler/conformance';
 *   exerciseFormat({ describe, it }, new FormatBench(format, { countRows: (text) => ... }));
 *   exerciseChannel({ describe, it }, 'carrier-pigeon', async () => ({ channel, settings, arrived, traces, cleanup }));
 *   exerciseSession({ describe, it, afterAll: after }, 'grpc', async () => ({ adapter, rows, empty, ... }));
 */
export { exerciseChannel } from './channels.ts';
export type { ChannelUnderTest } from './channels.ts';
export { exerciseFormat, FormatBench } from './formats.ts';
export type { FormatUnderTest } from './formats.ts';
export { generatedInput, inputOf, META, renderToBytes, renderToText } from './format-input.ts';
export { NASTY_NUMBERS, NASTY_ROWS, NASTY_TEXTS, typedRows } from './nasty-rows.ts';
export { largeParcel, parcelOf } from './parcels.ts';
export type { Runner } from './runner.ts';
export type { CallOptions } from './session-call.ts';
export { exerciseSession } from './sessions.ts';
export type { SessionCases } from './sessions.ts';
